/** The receipts of what this package decides (BY-1): the rule and the facts it rested on, small enough to keep with the row. */
import type { CancelKind, Decided, JsonObject, TerminalRunStatus } from "@wakefleet/contracts";
import type { ClaimDecision } from "../claim/gate-claim.js";
import { needsFollowUpRun } from "../wakeup/context.js";
import type { ActiveRunFact, WakeupDecision, WakeupFacts } from "../wakeup/decide-wakeup.js";

const runFact = (run: Pick<ActiveRunFact, "id" | "agentId" | "status">): JsonObject => ({
  runId: run.id,
  agentId: run.agentId,
  status: run.status,
});

/** What decided a wake that leaves a row (WK-12 to WK-31). */
export function wakeupReceipt(
  decision: Exclude<WakeupDecision, { kind: "reject" }>,
  wake: Pick<WakeupFacts, "source" | "agent" | "issue" | "context" | "sameTaskRuns"> & {
    readonly taskKey: string | null;
  },
): Decided {
  const { rule } = decision;
  const issueId = wake.issue?.issueId ?? null;
  const about: JsonObject = issueId === null ? { taskKey: wake.taskKey } : { issueId };
  switch (decision.kind) {
    case "block": {
      const { rule: budgetRule, scopeType, scopeId, reason } = decision.block;
      return { rule, outcome: "refused", facts: { budgetRule, scopeType, scopeId, reason } };
    }
    case "skip":
      return { rule, outcome: "skipped", facts: { ...about, ...skipFacts(decision, wake) } };
    case "coalesce": {
      const joined = [...(wake.issue?.activeRuns ?? []), ...wake.sameTaskRuns].find((run) => run.id === decision.runId);
      const facts = joined === undefined ? { runId: decision.runId } : runFact(joined);
      return { rule, outcome: "coalesced", facts: { ...about, ...facts } };
    }
    case "defer": {
      const joins = decision.requestId === null ? {} : { joinedRequestId: decision.requestId };
      const own = decision.behind.agentId === wake.agent?.id ? { because: followUpRule(wake) } : {};
      return { rule, outcome: "deferred", facts: { ...about, behind: runFact(decision.behind), ...joins, ...own } };
    }
    case "queue": {
      const [besides] = wake.sameTaskRuns;
      const own = besides === undefined ? {} : { besides: runFact(besides), because: followUpRule(wake) };
      return { rule, outcome: "queued", facts: { ...about, source: wake.source, ...own } };
    }
  }
}

/** Why a wake did not join a running run of its own agent. */
function followUpRule({ context }: Pick<WakeupFacts, "context">): string {
  return needsFollowUpRun(context) ? "WK-6" : "BY-2";
}

function skipFacts(
  decision: Extract<WakeupDecision, { kind: "skip" }>,
  wake: Pick<WakeupFacts, "source" | "agent">,
): JsonObject {
  if (decision.rule === "WK-16") return { hold: { ...decision.hold } };
  if (decision.rule === "WK-24")
    return { unresolvedBlockerIssueIds: decision.payload["unresolvedBlockerIssueIds"] ?? [] };
  if (decision.rule === "WK-20") return {};
  return {
    source: wake.source,
    heartbeat: {
      enabled: wake.agent?.policy.enabled ?? false,
      wakeOnDemand: wake.agent?.policy.wakeOnDemand ?? false,
    },
  };
}

/** What a claim rested on (CL-13, CL-14, CL-32). */
export function claimReceipt(
  decision: Extract<ClaimDecision, { kind: "claim" }>,
  facts: { readonly slotsUsed: number; readonly slotsOf: number; readonly issueId: string | null },
): Decided {
  const { rule, slot, takesLock, wasRetry } = decision;
  const { slotsUsed, slotsOf, issueId } = facts;
  const lock = issueId === null ? {} : { issueId, takesLock };
  return { rule, outcome: "claimed", facts: { slot, slotsUsed, slotsOf, wasRetry, ...lock } };
}

/** Why a run waits that its provider's limit keeps (BY-5). */
export function parkReceipt(
  account: { readonly id: string; readonly provider: string; readonly limitedUntil: Date | null },
  due: Date | null,
): Decided {
  const { id: providerAccountId, provider } = account;
  const limitedUntil = account.limitedUntil?.toISOString() ?? null;
  const facts = { providerAccountId, provider, limitedUntil, dueAt: due?.toISOString() ?? null };
  return { rule: "BY-5", outcome: "deferred", facts };
}

/** Who ends a run by cancelling it, by what was kept as its kind (DM-30). */
const CANCEL_RULES: Readonly<Record<CancelKind, string>> = {
  person: "CN-1",
  pause: "CN-3",
  budget: "BU-21",
  hold: "TH-30",
  issue: "CO-6",
  gate: "CL-15",
  system: "CN-1",
};

export interface EndingFacts {
  readonly status: TerminalRunStatus;
  readonly error: string | null;
  readonly errorCode: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly cancelKind: CancelKind | null;
  /** The lease was over and somebody else ended it. */
  readonly isOrphaned: boolean;
}

/** How much of an error's text a receipt repeats; the whole stands in the run. */
const ERROR_MAX_CHARS = 300;

/** What ended a run (EX-12, PL-4, or whoever cancelled it). */
export function endReceipt(ending: EndingFacts): Decided {
  const { status, errorCode, exitCode, signal, cancelKind, isOrphaned } = ending;
  const error = ending.error === null ? null : ending.error.slice(0, ERROR_MAX_CHARS).toWellFormed();
  if (status === "cancelled") {
    return {
      rule: CANCEL_RULES[cancelKind ?? "person"],
      outcome: "cancelled",
      facts: { status, errorCode, error, cancelKind: cancelKind ?? "person" },
    };
  }
  return {
    rule: isOrphaned ? "PL-4" : "EX-12",
    outcome: "ended",
    facts: { status, errorCode, error, exitCode, signal },
  };
}
