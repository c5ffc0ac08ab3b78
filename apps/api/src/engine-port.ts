/**
 * The use cases of the engine that routes call. Each decides and writes; expected outcomes come back as values or as a
 * `WakefleetError`, and its queue effects and events are its own business.
 */
import type { AcceptWakeupRequest, AcceptWakeupResult } from "@wakefleet/engine";
import type { AgentRow, RunRow } from "@wakefleet/store";
import type { Actor } from "./principal.js";

export interface CancelRunCommand {
  readonly runId: string;
  readonly actor: Actor;
  /** What the cancelled run will say; the engine's own words when absent. */
  readonly reason?: string;
  /** Whether what the run left behind is recovered afterwards (RC-78). */
  readonly recover?: boolean;
  /** Set when a change of its issue is the cause (CO-6, CO-46): told in the activity (AC-21). */
  readonly cause?: { readonly source: "issue_comment_interrupt" | "issue_status_cancelled"; readonly issueId: string };
}

export interface EnginePort {
  /** Decides one wake (API-100). */
  acceptWakeup(request: AcceptWakeupRequest): Promise<AcceptWakeupResult>;
  /** Decides wakes in order (API-112). */
  acceptWakeupBatch(requests: readonly AcceptWakeupRequest[]): Promise<AcceptWakeupResult[]>;
  /** AL-10. */
  pauseAgent(command: { agentId: string; actor: Actor }): Promise<AgentRow>;
  /** AL-11. */
  resumeAgent(command: { agentId: string; actor: Actor }): Promise<AgentRow>;
  /** AL-12. */
  terminateAgent(command: { agentId: string; actor: Actor }): Promise<AgentRow>;
  /** AL-5: queue and timer follow the agent's policy as it stands now. Called after the change was committed. */
  agentPolicyChanged(command: { agentId: string }): Promise<void>;
  /** CN-1, CN-2. `confirmed` is false while a worker still has to end the run. */
  cancelRun(command: CancelRunCommand): Promise<{ run: RunRow; confirmed: boolean }>;
}
