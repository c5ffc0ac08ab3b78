/**
 * The use cases that any process may carry out, wired once: accepting wakes, changing agents, cancelling runs. What only a
 * worker does (claiming, executing, recovering) is composed in the worker.
 */
import type { TreeHoldMode } from "@wakefleet/contracts";
import type { HoldPlan, SilenceThresholds } from "@wakefleet/domain";
import type { AgentQueues } from "@wakefleet/queue";
import type {
  AgentRow,
  ApprovalRow,
  BudgetScopeKey,
  CommentRow,
  Database,
  IncidentWithApproval,
  InteractionRow,
  IssueRow,
  PolicyState,
  RunRow,
  TreeHoldWithMembers,
  WatchdogDecisionRow,
} from "@wakefleet/store";
import {
  type AgentCommand,
  applyAgentPolicy,
  pauseAgent,
  resumeAgent,
  terminateAgent,
} from "./agents/change-agent-status.js";
import { deleteAgent } from "./agents/delete-agent.js";
import { approveAgent, type DecideApprovalCommand, decideApproval } from "./approvals/decide-approval.js";
import type { BudgetActor } from "./budget/budget-context.js";
import { type ReportCostCommand, type ReportedCost, reportCost } from "./budget/report-cost.js";
import { type ResolveIncidentCommand, resolveBudgetIncident } from "./budget/resolve-incident.js";
import {
  applyMonthlyBudget,
  type SetBudgetPolicyCommand,
  setBudgetPolicy,
  setMonthlyBudget,
} from "./budget/set-policy.js";
import { type DeleteCompanyCommand, deleteCompany } from "./companies/delete-company.js";
import { createFleetRunQueue } from "./dispatch/fleet-run-queue.js";
import { createRunDispatcher, type RunDispatcher } from "./dispatch/run-dispatcher.js";
import { type CreatedTreeHold, type CreateTreeHoldCommand, createTreeHold } from "./holds/create-tree-hold.js";
import type { HoldScope } from "./holds/hold-transaction.js";
import { previewTreeHold } from "./holds/preview-tree-hold.js";
import { type ReleaseTreeHoldCommand, releaseTreeHold } from "./holds/release-tree-hold.js";
import { newId } from "./ids.js";
import {
  type CreateInteractionCommand,
  createInteraction,
  type ResolveInteractionCommand,
  resolveInteractionAs,
} from "./interactions/index.js";
import {
  type BoardCaller,
  type ChangedIssue,
  type ChangeIssueCommand,
  type ChangeIssuePartCommand,
  type CheckoutCommand,
  type CommentCommand,
  type CreateChildCommand,
  type CreateIssueCommand,
  changeIssue,
  changeIssuePart,
  checkoutIssue,
  commentOnIssue,
  createChildIssue,
  createIssue,
  deleteIssue,
  type ForcedRelease,
  forceReleaseIssue,
  handBackIssue,
  type IssueCaller,
  type IssuePart,
} from "./issues/index.js";
import type { ControlChannel, FaultPoints, LiveEventPublisher, Log, RunQueue } from "./ports.js";
import { type GraphPreview, previewIssueGraph } from "./recovery/preview-issue-graph.js";
import { recordWatchdogDecision, type WatchdogCommand } from "./recovery/record-watchdog-decision.js";
import { type RunIssueGraphCommand, runIssueGraph } from "./recovery/run-issue-graph.js";
import { type CancelRunInput, type CancelRunResult, cancelRun } from "./runs/cancel-run.js";
import { type RerunCommand, retryRun, runNow } from "./runs/rerun.js";
import type { GraphReconcileResult } from "./sweeps/reconcile-issue-graph.js";
import { createResumedWork } from "./sweeps/resumed-work.js";
import type { AcceptWakeupRequest, AcceptWakeupResult } from "./wakeups/wake-request.js";
import { createWakeupAcceptor } from "./wakeups/wakeup-acceptor.js";

export interface EngineParts {
  readonly db: Database;
  readonly queues: AgentQueues;
  readonly events: LiveEventPublisher;
  readonly faults: FaultPoints;
  readonly log: Log;
  /** RC-40; absent: the specification's. */
  readonly silence?: SilenceThresholds;
}

export interface Engine {
  /** Decides one wake (API-100). Rejects when PostgreSQL is away; every expected outcome is a result. */
  acceptWakeup(request: AcceptWakeupRequest): Promise<AcceptWakeupResult>;
  /** Decides wakes in order, in one transaction (API-112). */
  acceptWakeupBatch(requests: readonly AcceptWakeupRequest[]): Promise<AcceptWakeupResult[]>;
  /** AL-10 to AL-12. Each throws a `WakefleetError` where the agent's state forbids it. */
  pauseAgent(command: AgentCommand): Promise<AgentRow>;
  resumeAgent(command: AgentCommand): Promise<AgentRow>;
  terminateAgent(command: AgentCommand): Promise<AgentRow>;
  /** AL-16, API-82. Throws `conflict` while it has a running run or where it has cost history. */
  deleteAgent(command: AgentCommand): Promise<void>;
  /** API-65. Throws `conflict` while one of its runs is running. */
  deleteCompany(command: DeleteCompanyCommand): Promise<void>;
  /** AL-14, API-80. Throws `conflict` for an agent that waits for no approval. */
  approveAgent(command: { agentId: string; actor: BudgetActor }): Promise<void>;
  /** AL-15, API-185, API-186, W16. */
  decideApproval(command: DecideApprovalCommand): Promise<ApprovalRow>;
  /** AL-5. Call after the change was committed. */
  agentPolicyChanged(command: { agentId: string }): Promise<void>;
  /** CN-1, CN-2. */
  cancelRun(command: CancelRunInput): Promise<CancelRunResult>;
  /** API-126. Throws `conflict` for a run that is no scheduled retry. */
  runNow(command: { runId: string }): Promise<RunRow>;
  /** API-127. Throws `conflict` for a run that is not finished. */
  retryRun(command: RerunCommand): Promise<AcceptWakeupResult>;
  /** BU-42, API-240. Each of these throws a `WakefleetError` for what its rules refuse. */
  reportCost(command: ReportCostCommand): Promise<ReportedCost>;
  /** BU-5, BU-6, API-245. */
  setBudgetPolicy(command: SetBudgetPolicyCommand): Promise<PolicyState>;
  /** API-246. */
  setMonthlyBudget(command: BudgetScopeKey & { amount: number; actor: BudgetActor }): Promise<PolicyState>;
  /** BU-6, BU-10. Call after a change of `budgetMonthlyCents` was committed. */
  monthlyBudgetChanged(command: BudgetScopeKey & { actor: BudgetActor }): Promise<void>;
  /** BU-34, API-247. */
  resolveBudgetIncident(command: ResolveIncidentCommand): Promise<IncidentWithApproval>;
  /** TH-9, API-190: judges, and notes that somebody looked. Throws `not_found` like the next two. */
  previewTreeHold(command: HoldScope & { mode: TreeHoldMode }): Promise<HoldPlan>;
  /** TH-30 to TH-34, TH-41, API-191. */
  createTreeHold(command: CreateTreeHoldCommand): Promise<CreatedTreeHold>;
  /** TH-40, TH-42, API-195. Throws a `WakefleetError` where the hold is not this root's or is over. */
  releaseTreeHold(command: ReleaseTreeHoldCommand): Promise<TreeHoldWithMembers>;
  /** RC-48, RC-49, API-128. Throws a `WakefleetError` for each refusal, in order. */
  recordWatchdogDecision(command: WatchdogCommand): Promise<WatchdogDecisionRow>;
  /** RC-67; writes nothing. */
  previewIssueGraph(query: { lookbackHours: number }): Promise<GraphPreview>;
  /** RC-68. */
  runIssueGraph(command: RunIssueGraphCommand): Promise<GraphReconcileResult>;
  /** API-141. Each of these throws a `WakefleetError` for what its rules refuse; then nothing was written (API-14). */
  createIssue(command: CreateIssueCommand): Promise<IssueRow>;
  /** API-142. */
  createChildIssue(command: CreateChildCommand): Promise<IssueRow>;
  /** API-145. */
  changeIssue(command: ChangeIssueCommand): Promise<ChangedIssue>;
  /** API-165 to API-168: what belongs to an issue, under its lock. */
  changeIssuePart<T>(command: ChangeIssuePartCommand, work: (part: IssuePart) => Promise<T>): Promise<T>;
  /** API-146. */
  deleteIssue(command: { caller: IssueCaller; issueId: string }): Promise<IssueRow>;
  /** API-147. */
  checkoutIssue(command: CheckoutCommand): Promise<IssueRow>;
  /** API-148. */
  handBackIssue(command: { caller: IssueCaller; issueId: string }): Promise<IssueRow>;
  /** API-149. */
  forceReleaseIssue(command: { caller: BoardCaller; issueId: string; clearAssignee: boolean }): Promise<ForcedRelease>;
  /** API-159. */
  commentOnIssue(command: CommentCommand): Promise<CommentRow>;
  /** API-181. */
  createInteraction(command: CreateInteractionCommand): Promise<InteractionRow>;
  /** API-182, W14, W15. */
  resolveInteraction(command: ResolveInteractionCommand): Promise<InteractionRow>;
  /** The parts that a worker's own use cases share. */
  readonly dispatcher: RunDispatcher;
  readonly queue: RunQueue & ControlChannel;
  /** Resolves when what was handed over for dispatch was tried, and what a resume took up was looked at. */
  idle(): Promise<void>;
}

export function createEngine(parts: EngineParts): Engine {
  const queue = createFleetRunQueue(parts.queues);
  const dispatcher = createRunDispatcher({ db: parts.db, queue, faults: parts.faults, log: parts.log });
  const resumedWork = createResumedWork({ ...parts, newId, dispatcher, control: queue });
  const deps = { ...parts, newId, queue, control: queue, dispatcher, resumedWork };
  const acceptor = createWakeupAcceptor(deps);
  return {
    acceptWakeup: (request) => acceptor.accept(request),
    acceptWakeupBatch: (requests) => acceptor.acceptBatch(requests),
    pauseAgent: (command) => pauseAgent(deps, command),
    resumeAgent: (command) => resumeAgent(deps, command),
    terminateAgent: (command) => terminateAgent(deps, command),
    deleteAgent: (command) => deleteAgent(deps, command),
    deleteCompany: (command) => deleteCompany(deps, command),
    approveAgent: (command) => approveAgent(deps, command),
    decideApproval: (command) => decideApproval(deps, command),
    agentPolicyChanged: ({ agentId }) => applyAgentPolicy(deps, agentId),
    cancelRun: (command) => cancelRun(deps, command),
    runNow: ({ runId }) => runNow(deps, runId),
    retryRun: (command) => retryRun({ db: parts.db, acceptor }, command),
    reportCost: (command) => reportCost(deps, command),
    setBudgetPolicy: (command) => setBudgetPolicy(deps, command),
    setMonthlyBudget: (command) => setMonthlyBudget(deps, command),
    monthlyBudgetChanged: (command) => applyMonthlyBudget(deps, command),
    resolveBudgetIncident: (command) => resolveBudgetIncident(deps, command),
    previewTreeHold: (command) => previewTreeHold(deps, command),
    createTreeHold: (command) => createTreeHold(deps, command),
    releaseTreeHold: (command) => releaseTreeHold(deps, command),
    recordWatchdogDecision: (command) => recordWatchdogDecision(deps, command),
    previewIssueGraph: (query) => previewIssueGraph(parts.db.sql, query),
    runIssueGraph: (command) => runIssueGraph(deps, command),
    createIssue: (command) => createIssue(deps, command),
    createChildIssue: (command) => createChildIssue(deps, command),
    changeIssue: (command) => changeIssue(deps, command),
    changeIssuePart: (command, work) => changeIssuePart(deps, command, work),
    deleteIssue: (command) => deleteIssue(deps, command),
    checkoutIssue: (command) => checkoutIssue(deps, command),
    handBackIssue: (command) => handBackIssue(deps, command),
    forceReleaseIssue: (command) => forceReleaseIssue(deps, command),
    commentOnIssue: (command) => commentOnIssue(deps, command),
    createInteraction: (command) => createInteraction(deps, command),
    resolveInteraction: (command) => resolveInteractionAs(deps, command),
    dispatcher,
    queue,
    async idle() {
      await resumedWork.idle();
      await dispatcher.idle();
    },
  };
}
