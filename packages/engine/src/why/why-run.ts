/** Why a run is what it is, or why it waits (BY-1). Reads only. */
import type { RunWhy, WakeupWhy } from "@wakefleet/contracts";
import {
  findAgent,
  listWaitingRuns,
  listWakeupsOfRun,
  type RunRow,
  readAgentWhyFacts,
  type Sql,
  type WakeupRow,
} from "@wakefleet/store";
import { explainReceipts, lastReason, reasonOf } from "./explained.js";
import { inQueueOrder, waitingReason } from "./waiting-reason.js";

/** Requests shown of a run. */
const MAX_WAKEUPS = 200;
/** How far into a queue a place is looked for; further back it is answered as the number looked at. */
export const MAX_QUEUE_LOOKED_AT = 1_000;

/** `leaseMs` says how long a worker counts as alive. */
export async function whyRun(sql: Sql, query: { run: RunRow; leaseMs: number }): Promise<RunWhy> {
  const { run } = query;
  const decisions = explainReceipts(run.receipts, "run");
  const wakeups = await listWakeupsOfRun(sql, { runId: run.id, limit: MAX_WAKEUPS });
  const isWaiting = run.status === "queued" || run.status === "scheduled_retry";
  return {
    runId: run.id,
    agentId: run.agentId,
    status: run.status,
    reason: isWaiting ? reasonOf(await whyItWaits(sql, query)) : lastReason(decisions),
    decisions,
    wakeups: wakeups.map(({ receipts, requestedAt, ...shown }) => ({
      ...shown,
      requestedAt: requestedAt.toISOString(),
      rule: receipts[0]?.rule ?? null,
    })),
  };
}

async function whyItWaits(sql: Sql, { run, leaseMs }: { run: RunRow; leaseMs: number }) {
  const { agentId, companyId } = run;
  const [agent, queue, facts] = await Promise.all([
    findAgent(sql, agentId),
    listWaitingRuns(sql, { agentId, companyId, limit: MAX_QUEUE_LOOKED_AT }),
    readAgentWhyFacts(sql, { agentId, companyId, leaseMs }),
  ]);
  const found = inQueueOrder(queue, facts.now).findIndex((one) => one.runId === run.id);
  const place = { place: found < 0 ? queue.length : found + 1, waiting: facts.queued + facts.scheduledRetry };
  return waitingReason(sql, { run, agent, place, workersAlive: facts.workersAlive });
}

/** Why a wakeup became what it became; its run's decisions follow its own. */
export function whyWakeup(wakeup: Pick<WakeupRow, "receipts">, run: Pick<RunRow, "receipts"> | null): WakeupWhy {
  const own = explainReceipts(wakeup.receipts, "wakeup");
  const ofRun = run === null ? [] : explainReceipts(run.receipts, "run");
  return { reason: lastReason(own), decisions: [...own, ...ofRun] };
}
