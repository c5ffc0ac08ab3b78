/** Waiting a little for runs that were asked to stop (TH-33). */
import { countUnfinishedRuns, type Sql } from "@wakefleet/store";

const POLL_MS = 25;

/** Resolves when none of the runs is active any more, or after `withinMs`, whichever comes first. */
export async function untilRunsEnded(
  sql: Sql,
  wait: { readonly runIds: readonly string[]; readonly withinMs: number },
): Promise<void> {
  if (wait.runIds.length === 0) return;
  const deadline = performance.now() + wait.withinMs;
  while ((await countUnfinishedRuns(sql, wait.runIds)) > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
