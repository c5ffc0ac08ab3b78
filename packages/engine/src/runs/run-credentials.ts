/**
 * What an agent proves itself with to our own API while it runs: the claim its run was started under (BY-8), and for
 * adapters that pass it on a token of the run (AD-18, API-31).
 *
 * What must stay true: both name the claim of the start, not that of the worker which looks after the run now, so that
 * taking over a living child does not silence it (DM-30).
 */
import type { Adapter, AdapterExecutionContext } from "@wakefleet/adapters";
import type { Execution } from "./execution.js";

/** The parts of the adapter's context that say under which claim it runs. */
export async function runCredentials(
  { deps, claimed }: Execution,
  adapter: Pick<Adapter, "supportsLocalAgentJwt">,
): Promise<Pick<AdapterExecutionContext, "claimToken" | "authToken">> {
  const { run, agent, fence } = claimed;
  const claimToken = run.startToken ?? fence.claimToken;
  if (adapter.supportsLocalAgentJwt !== true) return { claimToken };
  if (deps.mintRunToken === null) {
    deps.log.warn(
      { event: "run.no_token", runId: run.id },
      "the run gets no token: there is no secret to sign it with",
    );
    return { claimToken };
  }
  const { id: agentId, companyId, adapterType } = agent;
  return {
    claimToken,
    authToken: await deps.mintRunToken({ agentId, companyId, adapterType, runId: run.id, claimToken }),
  };
}
