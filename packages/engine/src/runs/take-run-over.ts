/**
 * A run whose child was started by an earlier worker of this host and goes on, or ended by itself meanwhile (BY-9): this
 * worker executes it from there to its end, under the claim it took, and frees the job that the earlier one left active.
 */
import { findRun, lockAgents, readClaimFacts } from "@wakefleet/store";
import type { RunQueue } from "../ports.js";
import type { ClaimedRun } from "./claim-run.js";
import { freeJob } from "./recover-orphans.js";
import { whenStoreAnswers } from "./when-store-answers.js";
import { holdAndExecute, type WorkDeps } from "./work-run.js";

/** Works a run that `adoptRunIfOrphaned` gave to this worker. */
export async function takeRunOver(
  deps: WorkDeps & { readonly queue: Pick<RunQueue, "releaseJob"> },
  taken: { readonly runId: string; readonly agentId: string; readonly claimToken: number },
): Promise<void> {
  const { runId, agentId } = taken;
  const wait = { log: deps.log, runId, what: "read the run that is taken over" };
  const claimed = await whenStoreAnswers(wait, () => readTakenRun(deps, taken));
  // Ended or taken by somebody else in the meantime.
  if (claimed === null) return;
  await deps.faults.hit("after-adoption-before-execute");
  const verdict = await holdAndExecute(deps, claimed, { resumes: true });
  if (verdict.kind !== "finished" && verdict.kind !== "failed") return;
  const { returnValue } = verdict.kind === "finished" ? verdict : { returnValue: null };
  await freeJob(deps, {
    agentId,
    runId,
    reason: verdict.kind === "failed" ? verdict.error : (returnValue?.reason ?? returnValue?.status ?? ""),
    cancelled: verdict.kind === "finished",
  });
}

async function readTakenRun(
  deps: WorkDeps,
  taken: { readonly runId: string; readonly agentId: string; readonly claimToken: number },
): Promise<ClaimedRun | null> {
  const { runId, agentId, claimToken } = taken;
  const { workerId } = deps;
  return deps.db.transaction(async (tx) => {
    const { agents } = await lockAgents(tx, [agentId]);
    const agent = agents.get(agentId);
    const run = await findRun(tx, runId);
    if (agent === undefined || run === null) return null;
    if (run.status !== "running" || run.workerId !== workerId || run.claimToken !== claimToken) return null;
    const { sessions, environment, masksOsUser, budget } = await readClaimFacts(tx, { runId, agentId });
    const isBudgeted = (budget?.policies.length ?? 0) > 0;
    return { run, agent, fence: { runId, workerId, claimToken }, sessions, environment, masksOsUser, isBudgeted };
  });
}
