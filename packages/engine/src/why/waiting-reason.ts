/**
 * Why a waiting run does not run now (BY-1): the gates of its claim are asked as a worker would ask them at this moment,
 * without a lock and without writing. A preview, and the only part of these answers that is no receipt.
 */
import { type Decided, isGuid, type JsonObject } from "@wakefleet/contracts";
import { budgetBlock, type ClaimDecision, gateClaim, parkReceipt, reachedCap } from "@wakefleet/domain";
import {
  type AgentRow,
  type ClaimFactsRow,
  countRunning,
  type RunRow,
  readClaimFacts,
  readIssueGateFacts,
  type Sql,
  type UndispatchedRun,
} from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import { waitingRunFacts } from "../runs/run-gates.js";

/** Where a run stands in its agent's queue. */
export interface Place {
  /** From 1. */
  readonly place: number;
  readonly waiting: number;
}

/** The queue in the order in which it starts (QU-3); a retry that is not due comes after everything that may start. */
export function inQueueOrder(waiting: readonly UndispatchedRun[], now: Date): UndispatchedRun[] {
  const key = (run: UndispatchedRun): [number, number] => {
    const { priority, delayUntilMs } = runJobOf(run);
    return delayUntilMs === undefined || delayUntilMs <= now.getTime() ? [0, priority] : [delayUntilMs, priority];
  };
  return waiting
    .map((run) => ({ run, key: key(run) }))
    .sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1])
    .map(({ run }) => run);
}

/** Asks the gates about a waiting run. */
export async function waitingReason(
  sql: Sql,
  waiting: { run: RunRow; agent: AgentRow | null; place: Place; workersAlive: number },
): Promise<Decided> {
  const { run, agent, place, workersAlive } = waiting;
  const facts = await readClaimFacts(sql, { runId: run.id, agentId: run.agentId });
  const gate =
    run.issueId === null || !isGuid(run.issueId)
      ? null
      : await readIssueGateFacts(sql, { runId: run.id, issueId: run.issueId });
  const decision = gateClaim({
    run: facts.run === null ? null : waitingRunFacts(facts.run, gate),
    agent,
    budget: facts.budget === null ? null : budgetBlock(facts.budget),
    takenSlots: facts.takenSlots,
    issue: gate === null ? null : { ...gate, lockFreeOrOwn: true },
    nowMs: facts.now.getTime(),
  });
  const held = decision.kind === "claim" ? await heldByAccount(sql, { run, facts }) : null;
  if (held !== null) return held;
  const slots = { slotsUsed: facts.takenSlots.length, slotsOf: agent?.maxConcurrentRuns ?? 0 };
  return { ...previewOf(decision, { agent, now: { ...slots, ...place, workersAlive } }), outcome: "queued" };
}

/** BY-5: its account is limited, or was told to wait out the stagger, or has as many runs as it may. */
async function heldByAccount(
  sql: Sql,
  { run, facts }: { readonly run: RunRow; readonly facts: ClaimFactsRow },
): Promise<Decided | null> {
  const { account, now } = facts;
  if (account === null) return null;
  if (account.limitedUntil !== null) {
    const told = run.receipts.findLast(({ rule }) => rule === "BY-5");
    const dueAt = new Date(String(told?.facts["dueAt"] ?? ""));
    const isToldToWait = dueAt > now && told?.facts["limitedUntil"] === account.limitedUntil.toISOString();
    if (isToldToWait || account.limitedUntil > now) return parkReceipt(account, isToldToWait ? dueAt : null);
  }
  const limit = account.maxConcurrentRuns;
  if (limit === null) return null;
  const [counted] = await countRunning(sql, { cap: "account", accountId: account.id });
  const full = reachedCap([{ cap: "account", running: counted?.count ?? 0, limit }]);
  if (full === null) return null;
  return { rule: "BY-5", outcome: "deferred", facts: { providerAccountId: account.id, ...full } };
}

function previewOf(
  decision: ClaimDecision,
  given: { readonly agent: AgentRow | null; readonly now: JsonObject },
): Pick<Decided, "rule" | "facts"> {
  const { rule } = decision;
  switch (decision.kind) {
    case "ended":
      return { rule, facts: {} };
    case "not_due":
      return { rule, facts: { dueAt: new Date(decision.dueAtMs).toISOString() } };
    case "cancel": {
      const { text, hold } = decision;
      return {
        rule,
        facts: { text, agentStatus: given.agent?.status ?? null, hold: hold === null ? null : { ...hold } },
      };
    }
    case "refuse":
      return { rule, facts: decision.refusal.event.payload };
    case "full":
      return { rule, facts: given.now };
    case "claim":
      return { rule: "QU-3", facts: given.now };
  }
}
