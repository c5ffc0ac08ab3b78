/**
 * What a change of an issue does to its review and approval stages (EP-11 to EP-15). Pure: the caller holds the issue's
 * lock, so that of two decisions the second meets the state the first left. The first rule that applies decides.
 */
import type {
  ExecutionDecisionOutcome,
  ExecutionPolicy,
  ExecutionStage,
  ExecutionStageType,
  ExecutionState,
  IssueStatus,
  PrincipalRef,
  ReviewRequest,
} from "@wakefleet/contracts";
import { principalOf } from "./execution-policy.js";
import { samePrincipal } from "./principal-ref.js";

export interface StageFacts {
  /** The policy as it will be. */
  readonly policy: ExecutionPolicy | null;
  readonly state: ExecutionState | null;
  /** As it is before the change. */
  readonly issue: { readonly status: IssueStatus; readonly assignee: PrincipalRef | null };
  /** What the change asks for; absent: nothing. */
  readonly asked: { readonly status?: IssueStatus | undefined; readonly assignee?: PrincipalRef | null | undefined };
  /** Null for the system itself. */
  readonly actor: PrincipalRef | null;
  readonly isOperator: boolean;
  readonly hasComment: boolean;
  /** For the active stage (API-151); absent: not sent. */
  readonly reviewRequest?: ReviewRequest | null | undefined;
}

export interface StageOutcome {
  readonly outcome: ExecutionDecisionOutcome;
  readonly stageId: string;
  readonly stageType: ExecutionStageType;
}

export type StageDecision =
  | { readonly kind: "none" }
  | { readonly kind: "refuse"; readonly rule: string; readonly message: string }
  | {
      readonly kind: "change";
      readonly rule: string;
      /** Absent: what was asked, or as it is. */
      readonly status?: IssueStatus;
      readonly assignee?: PrincipalRef | null;
      readonly state: ExecutionState | null;
      /** A row of its own (EP-15); its id becomes the state's `lastDecisionId`. */
      readonly decision?: StageOutcome;
    };

const TERMINAL: ReadonlySet<IssueStatus> = new Set(["done", "cancelled"]);

/** Decides; a review request that finds no pending stage is refused (EP-15). */
export function decideStage(facts: StageFacts): StageDecision {
  const decision = decideTransition(facts);
  const { reviewRequest } = facts;
  if (reviewRequest === undefined || decision.kind === "refuse") return decision;
  const state = decision.kind === "change" ? decision.state : facts.state;
  if (state?.status === "pending") {
    const asked = { ...state, reviewRequest };
    return decision.kind === "change" ? { ...decision, state: asked } : { kind: "change", rule: "EP-15", state: asked };
  }
  if (reviewRequest === null) return decision;
  return refuse("EP-15", "reviewRequest requires an active review or approval stage");
}

function refuse(rule: string, message: string): StageDecision {
  return { kind: "refuse", rule, message };
}

function decideTransition(facts: StageFacts): StageDecision {
  const { policy, state, issue, asked } = facts;
  if (policy === null) return state === null ? { kind: "none" } : withdraw("EP-11.1", facts, true);
  if (state !== null && TERMINAL.has(issue.status) && asked.status !== undefined && !TERMINAL.has(asked.status)) {
    return { kind: "change", rule: "EP-11.2", state: null };
  }
  const current = policy.stages.find((stage) => stage.id === state?.currentStageId) ?? null;
  if (state !== null && state.currentStageId !== null && current === null) {
    return withdraw("EP-11.3", facts, asked.status === undefined);
  }
  if (state?.status === "pending" && current !== null) return decidePending(facts, { policy, state, stage: current });
  return decideStart(facts, { policy, current });
}

/** The stages end without a result: an issue in review goes back to whoever worked on it. */
function withdraw(rule: string, { state, issue }: StageFacts, sendsBack: boolean): StageDecision {
  const returnAssignee = state?.returnAssignee ?? null;
  if (!sendsBack || issue.status !== "in_review" || returnAssignee === null)
    return { kind: "change", rule, state: null };
  return { kind: "change", rule, state: null, status: "in_progress", assignee: returnAssignee };
}

interface Pending {
  readonly policy: ExecutionPolicy;
  readonly state: ExecutionState;
  readonly stage: ExecutionStage;
}

/** EP-12. */
function decidePending(facts: StageFacts, pending: Pending): StageDecision {
  const { asked, issue } = facts;
  const { state, stage } = pending;
  // Whoever is to review: an operator can always end the issue, else it would be stuck (EP-12.6).
  if (facts.isOperator && asked.status === "cancelled") return { kind: "change", rule: "EP-12.6", state: null };
  const participant = state.currentParticipant ?? chooseParticipant(stage, { exclude: state.returnAssignee });
  if (participant === null) return refuse("EP-12.1", noParticipant(stage));
  if (!stage.participants.some((one) => samePrincipal(principalOf(one), participant))) {
    const other = chooseParticipant(stage, { preferred: asked.assignee ?? null, exclude: state.returnAssignee });
    if (other === null) return withdraw("EP-11.3", facts, asked.status === undefined);
    return pend("EP-12.2", { ...pending, participant: other, returnAssignee: state.returnAssignee });
  }
  if (samePrincipal(participant, facts.actor)) {
    if (asked.status === "done") return approve(facts, pending);
    if (asked.status !== undefined && asked.status !== "in_review") return requestChanges(facts, pending);
  }
  const drifted =
    issue.status !== "in_review" ||
    !samePrincipal(issue.assignee, participant) ||
    !samePrincipal(state.currentParticipant, participant);
  if (drifted) return pend("EP-12.5", { ...pending, participant, returnAssignee: state.returnAssignee });
  const movesOn =
    (asked.status !== undefined && asked.status !== "in_review") ||
    (asked.assignee !== undefined && !samePrincipal(asked.assignee, participant));
  if (movesOn) {
    return refuse("EP-12.6", "Only the active reviewer or approver can advance the current execution stage");
  }
  return { kind: "none" };
}

/** EP-12.3. */
function approve(facts: StageFacts, { policy, state, stage }: Pending): StageDecision {
  if (!facts.hasComment) return refuse("EP-12.3", "Approving a review or approval stage requires a comment");
  const decision: StageOutcome = { outcome: "approved", stageId: stage.id, stageType: stage.type };
  const approved: ExecutionState = { ...completed(state, [stage.id]), lastDecisionOutcome: "approved" };
  const next = policy.stages.find((one) => !approved.completedStageIds.includes(one.id));
  if (next === undefined) return { kind: "change", rule: "EP-12.3", status: "done", state: approved, decision };
  const participant = chooseParticipant(next, {
    preferred: facts.asked.assignee ?? null,
    exclude: state.returnAssignee,
  });
  if (participant === null) return refuse("EP-12.3", noParticipant(next));
  const returnAssignee = state.returnAssignee ?? facts.issue.assignee;
  return { ...pend("EP-12.3", { policy, state: approved, stage: next, participant, returnAssignee }), decision };
}

/** EP-12.4. */
function requestChanges(facts: StageFacts, { state, stage }: Pending): StageDecision {
  if (!facts.hasComment) return refuse("EP-12.4", "Requesting changes requires a comment");
  if (state.returnAssignee === null) return refuse("EP-12.4", "This execution stage has no return assignee");
  return {
    kind: "change",
    rule: "EP-12.4",
    status: "in_progress",
    assignee: state.returnAssignee,
    state: { ...state, status: "changes_requested", reviewRequest: null, lastDecisionOutcome: "changes_requested" },
    decision: { outcome: "changes_requested", stageId: stage.id, stageType: stage.type },
  };
}

/** EP-13: work is handed over. */
function decideStart(
  facts: StageFacts,
  { policy, current }: { policy: ExecutionPolicy; current: ExecutionStage | null },
): StageDecision {
  const { asked, state, issue } = facts;
  if (asked.status !== "done" && asked.status !== "in_review") return { kind: "none" };
  const afterChanges = state?.status === "changes_requested" && current !== null;
  const returnAssignee = state?.returnAssignee ?? issue.assignee;
  const preferred = asked.assignee ?? (afterChanges ? (state?.currentParticipant ?? null) : null);
  const skipped: string[] = [];
  let stage = afterChanges ? current : nextStage(policy, { state, skipped });
  if (stage === null) return { kind: "none" };
  while (stage !== null) {
    const participant = chooseParticipant(stage, { preferred, exclude: returnAssignee });
    if (participant !== null) {
      const before = skipped.length === 0 ? state : completed(state, skipped);
      return pend("EP-13", { policy, state: before, stage, participant, returnAssignee });
    }
    const reviewsOwnWork = stage.type === "review" && stage.participants.length === 1;
    if (!reviewsOwnWork || asked.status !== "done") return refuse("EP-13", noParticipant(stage));
    skipped.push(stage.id);
    stage = nextStage(policy, { state, skipped });
  }
  return { kind: "change", rule: "EP-13", state: completed(state, skipped) };
}

function nextStage(
  policy: ExecutionPolicy,
  passed: { state: ExecutionState | null; skipped: readonly string[] },
): ExecutionStage | null {
  const over = new Set([...(passed.state?.completedStageIds ?? []), ...passed.skipped]);
  return policy.stages.find((stage) => !over.has(stage.id)) ?? null;
}

function chooseParticipant(
  stage: ExecutionStage,
  choice: { preferred?: PrincipalRef | null; exclude: PrincipalRef | null },
): PrincipalRef | null {
  const eligible = stage.participants
    .map(principalOf)
    .filter((one) => choice.exclude === null || !samePrincipal(one, choice.exclude));
  return eligible.find((one) => samePrincipal(one, choice.preferred ?? null)) ?? eligible[0] ?? null;
}

/** "Pend stage S on P": status `in_review`, assignee P, state `pending` on S. */
function pend(
  rule: string,
  next: {
    policy: ExecutionPolicy;
    state: ExecutionState | null;
    stage: ExecutionStage;
    participant: PrincipalRef;
    returnAssignee: PrincipalRef | null;
  },
): Extract<StageDecision, { kind: "change" }> {
  const { policy, state, stage, participant } = next;
  const isSameStage = state?.currentStageId === stage.id;
  return {
    kind: "change",
    rule,
    status: "in_review",
    assignee: participant,
    state: {
      status: "pending",
      currentStageId: stage.id,
      currentStageIndex: policy.stages.indexOf(stage),
      currentStageType: stage.type,
      currentParticipant: participant,
      returnAssignee: next.returnAssignee,
      reviewRequest: isSameStage ? (state?.reviewRequest ?? null) : null,
      completedStageIds: state?.completedStageIds ?? [],
      lastDecisionId: state?.lastDecisionId ?? null,
      lastDecisionOutcome: state?.lastDecisionOutcome ?? null,
    },
  };
}

function completed(state: ExecutionState | null, stageIds: readonly string[]): ExecutionState {
  return {
    status: "completed",
    currentStageId: null,
    currentStageIndex: null,
    currentStageType: null,
    currentParticipant: null,
    returnAssignee: state?.returnAssignee ?? null,
    reviewRequest: null,
    completedStageIds: [...new Set([...(state?.completedStageIds ?? []), ...stageIds])],
    lastDecisionId: state?.lastDecisionId ?? null,
    lastDecisionOutcome: state?.lastDecisionOutcome ?? null,
  };
}

function noParticipant(stage: ExecutionStage): string {
  return `No eligible ${stage.type} participant is configured for this issue`;
}
