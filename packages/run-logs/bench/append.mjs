/**
 * Writes a gigabyte of child output through a run log and says how fast, and in how much memory (LG-8).
 *
 *   node packages/run-logs/bench/append.mjs [MiB of output] [limit MiB] [chunk characters]
 *
 * Run it after `npx tsc -b packages/run-logs`. The log goes to a folder of its own under the system's temporary folder.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalRunLogStore } from "../dist/index.js";

const [outputMiB = 1024, limitMiB = 256, chunkChars = 16_384] = process.argv.slice(2).map(Number);
const MIB = 1_048_576;
const SAMPLE_EVERY = 256;

const dir = await mkdtemp(join(tmpdir(), "run-log-bench-"));
const store = createLocalRunLogStore({ dir });
const run = { companyId: "c", agentId: "a", runId: "r" };
const log = await store.openRunLog({ ...run, maxBytes: limitMiB * MIB });
const text = 'the agent says "hello" €, and then a line\n'.repeat(Math.ceil(chunkChars / 42)).slice(0, chunkChars);

let peakRss = 0;
let longestMs = 0;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const chunks = Math.ceil((outputMiB * MIB) / Buffer.byteLength(text));
for (let i = 0; i < chunks; i += 1) {
  const at = performance.now();
  await log.append(i % 8 === 0 ? "stderr" : "stdout", text);
  longestMs = Math.max(longestMs, performance.now() - at);
  if (i % SAMPLE_EVERY === 0) peakRss = Math.max(peakRss, process.memoryUsage.rss());
}
const closed = await log.close();
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuBefore);

console.log(`${outputMiB} MiB in ${chunks} chunks of ${chunkChars} characters: ${seconds.toFixed(1)} s`);
console.log(`${(outputMiB / seconds).toFixed(0)} MiB/s, ${((cpu.user + cpu.system) / 1e6).toFixed(1)} s of CPU`);
console.log(`peak resident ${(peakRss / MIB).toFixed(0)} MiB, longest append ${longestMs.toFixed(0)} ms`);
const { size } = await stat(join(dir, log.ref));
console.log(`on disk ${(size / MIB).toFixed(1)} MiB (limit ${limitMiB}), sha256 ${closed.sha256.slice(0, 12)}…`);
await rm(dir, { recursive: true, force: true });
