/** Storing an execution policy (EP-2): ids are made, duplicates and empty stages go, no stages are no policy. */
import {
  type ExecutionPolicy,
  type ExecutionStage,
  type ExecutionStageType,
  executionPolicySchema,
  type PrincipalRef,
  type StageParticipant,
} from "@wakefleet/contracts";
import { principalKey } from "./principal-ref.js";

/** A policy as it was sent: participants are checked, ids may be missing (API-150). */
export interface SentExecutionPolicy {
  readonly mode?: "normal" | "auto" | undefined;
  readonly stages: readonly {
    readonly id?: string | undefined;
    readonly type: ExecutionStageType;
    readonly participants: readonly {
      readonly id?: string | undefined;
      readonly type: "agent" | "user";
      readonly agentId?: string | null | undefined;
      readonly userId?: string | null | undefined;
    }[];
  }[];
}

export type ExecutionPolicySetting =
  | { readonly kind: "policy"; readonly policy: ExecutionPolicy | null }
  /** 422 `Invalid execution policy`. */
  | { readonly kind: "invalid" };

/** The participant as an agent or a person. */
export function principalOf(participant: Pick<StageParticipant, "type" | "agentId" | "userId">): PrincipalRef {
  return participant.type === "agent"
    ? { type: "agent", agentId: participant.agentId ?? "" }
    : { type: "user", userId: participant.userId ?? "" };
}

/** What is stored of a policy that was sent. `newId` gives a fresh uuid. */
export function settleExecutionPolicy(sent: SentExecutionPolicy | null, newId: () => string): ExecutionPolicySetting {
  if (sent === null) return { kind: "policy", policy: null };
  const stages: ExecutionStage[] = [];
  for (const stage of sent.stages) {
    const seen = new Set<string>();
    const participants: StageParticipant[] = [];
    for (const one of stage.participants) {
      const participant: StageParticipant = {
        id: one.id ?? newId(),
        type: one.type,
        agentId: one.agentId?.toLowerCase() ?? null,
        userId: one.userId ?? null,
      };
      const key = principalKey(principalOf(participant));
      if (seen.has(key)) continue;
      seen.add(key);
      participants.push(participant);
    }
    if (participants.length > 0)
      stages.push({ id: stage.id ?? newId(), type: stage.type, approvalsNeeded: 1, participants });
  }
  if (stages.length === 0) return { kind: "policy", policy: null };
  if (new Set(stages.map((stage) => stage.id.toLowerCase())).size !== stages.length) return { kind: "invalid" };
  const checked = executionPolicySchema.safeParse({ mode: sent.mode ?? "normal", commentRequired: true, stages });
  return checked.success ? { kind: "policy", policy: checked.data } : { kind: "invalid" };
}
