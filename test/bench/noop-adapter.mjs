/**
 * The adapter `bench_noop`: it does nothing and tells the process that started the worker when it was started. Plain
 * JavaScript, given to the product's own worker as an adapter package, so that the worker measured is the one people run.
 */

/** @type {{ runId: string, atMs: number }[]} */
let starts = [];

/**
 * Told in groups, so that telling costs the measured process next to nothing.
 * @param {string} runId
 */
function tell(runId) {
  const isFirst = starts.push({ runId, atMs: performance.timeOrigin + performance.now() }) === 1;
  if (!isFirst) return;
  setTimeout(() => {
    process.send?.({ type: "starts", starts });
    starts = [];
  }, 5);
}

/** @type {import("@wakefleet/adapters").Adapter} */
export const adapter = {
  type: "bench_noop",
  async execute({ runId }) {
    tell(runId);
    return { exitCode: 0, signal: null, timedOut: false };
  },
  async testEnvironment({ adapterType }) {
    return { adapterType, status: "pass", checks: [], testedAt: new Date().toISOString() };
  },
};
