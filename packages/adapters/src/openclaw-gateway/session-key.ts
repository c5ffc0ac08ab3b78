/** Which session of the gateway a run talks to (AD-316). */
import type { OpenClawGatewayConfig } from "./gateway-config.js";

/** The key of the run's session; `issueId` is null for a run without an issue. */
export function gatewaySessionKey(input: {
  readonly config: Pick<OpenClawGatewayConfig, "agentId" | "sessionKey" | "sessionKeyPrefix" | "sessionKeyStrategy">;
  readonly runId: string;
  readonly issueId: string | null;
}): string {
  const { agentId } = input.config;
  const key = plainKey(input);
  return agentId === null || key.startsWith("agent:") ? key : `agent:${agentId}:${key}`;
}

function plainKey({ config, runId, issueId }: Parameters<typeof gatewaySessionKey>[0]): string {
  const prefix = config.sessionKeyPrefix;
  if (config.sessionKeyStrategy === "run") return `${prefix}:run:${runId}`;
  if (config.sessionKeyStrategy === "issue" && issueId !== null) return `${prefix}:issue:${issueId}`;
  return config.sessionKey ?? prefix;
}
