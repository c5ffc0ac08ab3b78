import { AGENT_STATUSES } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { agentNameKey, isInvokable } from "./agent.js";

describe("what an agent's status allows", () => {
  it("AL-1 a paused, terminated or pending agent is not invokable, every other one is", () => {
    expect(AGENT_STATUSES.filter((status) => !isInvokable(status))).toEqual([
      "paused",
      "pending_approval",
      "terminated",
    ]);
  });

  it("DM-50 the name key on a lock is the trimmed name in lower case", () => {
    expect(agentNameKey("  Ann O'Hara ")).toBe("ann o'hara");
  });
});
