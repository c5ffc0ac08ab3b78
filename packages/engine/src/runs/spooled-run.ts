/**
 * A run whose children do not hang on this worker (BY-9): what its execution does otherwise, whether it started them or
 * took them over.
 */
import type { AdapterExecutionContext, RunSpool } from "@wakefleet/adapters";
import { clearDetachedIfHeld } from "@wakefleet/store";
import type { Execution } from "./execution.js";
import { outputMarks } from "./output-marks.js";
import type { ExecutionLog } from "./redacting-log.js";
import { runEventEvent } from "./run-live-events.js";
import { storeOutput } from "./run-output.js";
import { startingInTime } from "./start-in-time.js";

/** Where the run's children are started; null where they end with their worker. */
export function runSpool({ deps, claimed, held, resumes }: Execution): RunSpool | null {
  const { runId, claimToken } = claimed.fence;
  const spool = deps.spool?.ofRun({ runId, claimToken, resume: resumes }) ?? null;
  if (spool !== null) held.outlivesWorker = () => spool.hasChild();
  return spool;
}

/** What the adapter is given so that its children outlive this worker, and that of their output only the new is stored. */
export function spooledContext(
  execution: Execution,
  run: {
    readonly spool: RunSpool;
    readonly writer: ExecutionLog;
    readonly context: Pick<AdapterExecutionContext, "onMeta">;
  },
): Pick<AdapterExecutionContext, "childHost" | "onLog" | "onMeta"> {
  const { spool, writer, context } = run;
  const inTime = startingInTime(execution, spool.host);
  const marks = outputMarks(spool, { resumes: execution.resumes, stored: writer.adoptedMark });
  let isDetached = execution.resumes;
  return {
    // A child that an earlier worker started is not started again.
    childHost: { start: (spec) => (spool.isReplaying() ? spool.host : inTime).start(spec) },
    async onLog(stream, chunk) {
      const mark = marks.next();
      if (mark === null) {
        writer.pass(stream, chunk);
        return;
      }
      await storeOutput(execution, writer, { stream, chunk, mark });
      if (!isDetached) return;
      isDetached = false;
      await clearDetached(execution);
    },
    async onMeta(meta) {
      if (!spool.isReplaying()) await context.onMeta?.(meta);
    },
  };
}

/** PL-2: the child that was thought to be out of reach was heard of. */
async function clearDetached({ deps, claimed }: Execution): Promise<void> {
  try {
    const events = await clearDetachedIfHeld(deps.db.sql, claimed.fence);
    void deps.events.publish(events.map(runEventEvent));
  } catch (error) {
    deps.log.warn({ event: "run.event_lost", runId: claimed.run.id, err: error }, "the run keeps its detached warning");
  }
}
