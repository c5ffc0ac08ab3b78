/**
 * The engine's use cases that routes call: the slice of it that the HTTP side may use. Each decides and writes; expected
 * outcomes come back as values or as a `WakefleetError`, and effects on queues and events are the engine's own business.
 */
import type { Engine } from "@wakefleet/engine";

export type EnginePort = Pick<
  Engine,
  | "acceptWakeup"
  | "acceptWakeupBatch"
  | "pauseAgent"
  | "resumeAgent"
  | "terminateAgent"
  | "deleteAgent"
  | "deleteCompany"
  | "approveAgent"
  | "decideApproval"
  | "agentPolicyChanged"
  | "cancelRun"
  | "runNow"
  | "retryRun"
  | "reportCost"
  | "setBudgetPolicy"
  | "setMonthlyBudget"
  | "monthlyBudgetChanged"
  | "resolveBudgetIncident"
  | "previewTreeHold"
  | "createTreeHold"
  | "releaseTreeHold"
  | "recordWatchdogDecision"
  | "previewIssueGraph"
  | "runIssueGraph"
  | "createIssue"
  | "createChildIssue"
  | "changeIssue"
  | "changeIssuePart"
  | "deleteIssue"
  | "checkoutIssue"
  | "handBackIssue"
  | "forceReleaseIssue"
  | "commentOnIssue"
  | "createInteraction"
  | "resolveInteraction"
>;
