/**
 * Writes a run's log without end, for tests that kill it. Arguments: folder of the logs. It says `ready` once it writes;
 * chunk n is `chunk n` behind text of many sizes and bytes.
 */
import { createLocalRunLogStore } from "@wakefleet/run-logs";

const store = createLocalRunLogStore({ dir: process.argv[2] });
const log = await store.openRunLog({ companyId: "c-1", agentId: "a-1", runId: "r-1", maxBytes: 2_000_000 });
for (let n = 1; ; n += 1) {
  await log.append(n % 2 === 0 ? "stdout" : "stderr", `${'é"\n'.repeat((n * 37) % 2_000)}chunk ${n}`);
  if (n === 1) process.stdout.write("ready\n");
}
