/** BY-10: nothing of a run's tree outlives it, also what left its children's groups. */
import { endRunTree, type TreeMember } from "@wakefleet/adapters";
import type { Log } from "../ports.js";

/** Between TERM and KILL for what outlived its run, milliseconds. */
const LEFTOVER_GRACE_MS = 2_000;

/**
 * Ends what a run left behind on this host. `firstPid` is that of its first child; null: it never had one. `known`: what
 * was seen as the run's while it ran.
 */
export async function clearTree(
  deps: { readonly log: Log },
  run: { readonly runId: string; readonly firstPid: number | null; readonly known?: readonly TreeMember[] },
): Promise<void> {
  const { runId, firstPid, known = [] } = run;
  if (firstPid === null) return;
  try {
    const ended = await endRunTree({ runId, firstPid, known, graceMs: LEFTOVER_GRACE_MS });
    if (ended.found > 0) {
      deps.log.warn({ event: "run.leftovers_ended", runId, ...ended }, "processes that outlived their run were ended");
    }
  } catch (error) {
    deps.log.error(
      { event: "run.leftovers_unknown", runId, err: error },
      "what a run left behind could not be looked at",
    );
  }
}
