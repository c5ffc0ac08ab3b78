/** Why an agent is not running now, or that it is (BY-1). Reads only; the work is bounded whatever waits. */
import type { AgentWhy, Decided, Reason } from "@wakefleet/contracts";
import { budgetBlock } from "@wakefleet/domain";
import {
  type AgentRow,
  type AgentWhyFacts,
  findRun,
  listWaitingRuns,
  readAgentWhyFacts,
  type Sql,
} from "@wakefleet/store";
import { reasonOf } from "./explained.js";
import { inQueueOrder, waitingReason } from "./waiting-reason.js";
import { MAX_QUEUE_LOOKED_AT } from "./why-run.js";

/** Waiting runs whose gates are asked. */
const MAX_WAITING_SHOWN = 5;

/** `leaseMs` says how long a worker counts as alive. */
export async function whyAgent(sql: Sql, query: { agent: AgentRow; leaseMs: number }): Promise<AgentWhy> {
  const { agent } = query;
  const scope = { agentId: agent.id, companyId: agent.companyId };
  const facts = await readAgentWhyFacts(sql, { ...scope, leaseMs: query.leaseMs });
  const waiting = await whatWaits(sql, { agent, facts });
  const reasons = [
    ...stateReasons(agent, facts).map(reasonOf),
    ...waiting.slice(0, 1).map((one) => one.reason),
    ...facts.deferred.map(deferredReason),
  ];
  if (reasons.length === 0) {
    reasons.push(reasonOf({ rule: "WK-50", facts: { nextTimerAt: agent.nextTimerAt?.toISOString() ?? null } }));
  }
  const [reason] = reasons as [Reason];
  return {
    agentId: agent.id,
    status: agent.status,
    isRunning: facts.runningRunIds.length > 0,
    slots: { used: facts.runningRunIds.length, of: agent.maxConcurrentRuns },
    counts: {
      queued: facts.queued,
      scheduledRetry: facts.scheduledRetry,
      deferredWakeups: facts.deferredCount,
    },
    reason,
    reasons,
    waiting,
  };
}

/** What is true of the agent itself, the strongest first. */
function stateReasons(agent: AgentRow, facts: AgentWhyFacts): Pick<Decided, "rule" | "facts">[] {
  const found: Pick<Decided, "rule" | "facts">[] = [];
  if (agent.status === "paused") found.push({ rule: "AL-10", facts: { pauseReason: agent.pauseReason } });
  if (agent.status === "terminated" || agent.status === "pending_approval") {
    found.push({ rule: "WK-13", facts: { agentStatus: agent.status } });
  }
  const block = budgetBlock(facts.budget);
  if (block !== null) {
    const { rule: budgetRule, scopeType, scopeId, reason } = block;
    found.push({ rule: "WK-12", facts: { budgetRule, scopeType, scopeId, reason } });
  }
  const { runningRunIds } = facts;
  if (runningRunIds.length > 0) {
    found.push({
      rule: "QU-1",
      facts: { runIds: [...runningRunIds], slotsUsed: runningRunIds.length, slotsOf: agent.maxConcurrentRuns },
    });
  }
  return found;
}

function deferredReason({ requestId, issueId, runId, agentId, status }: AgentWhyFacts["deferred"][number]): Reason {
  return reasonOf({ rule: "WK-28", facts: { requestId, issueId, behind: { runId, agentId, status } } });
}

async function whatWaits(sql: Sql, given: { agent: AgentRow; facts: AgentWhyFacts }): Promise<AgentWhy["waiting"]> {
  const { agent, facts } = given;
  const total = facts.queued + facts.scheduledRetry;
  if (total === 0) return [];
  const queue = inQueueOrder(
    await listWaitingRuns(sql, { agentId: agent.id, companyId: agent.companyId, limit: MAX_QUEUE_LOOKED_AT }),
    facts.now,
  );
  const shown: AgentWhy["waiting"] = [];
  for (const [index, { runId }] of queue.slice(0, MAX_WAITING_SHOWN).entries()) {
    const run = await findRun(sql, runId);
    if (run === null) continue;
    const place = { place: index + 1, waiting: total };
    const decided = await waitingReason(sql, { run, agent, place, workersAlive: facts.workersAlive });
    shown.push({ runId, status: run.status, place: index + 1, reason: reasonOf(decided) });
  }
  return shown;
}
