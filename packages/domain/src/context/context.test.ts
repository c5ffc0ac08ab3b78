import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { EXECUTION_CONTEXT_KEYS, storedContextKeys, wakeContext } from "./execution-context.js";
import { assigneeOverrides, runConfig } from "./run-config.js";

describe("the context of a run", () => {
  it("CX-10, CX-12 what an earlier execution built is gone, what the wake brought stays", () => {
    const stale = Object.fromEntries(EXECUTION_CONTEXT_KEYS.map((key) => [key, "stale"]));
    const wake = { issueId: "i", wakeReason: "r", retryOfRunId: "x", whatever: [1], wakefleetOther: 1 };
    expect(wakeContext({ ...stale, ...wake })).toEqual(wake);
    expect(wakeContext(null)).toEqual({});
  });

  it("CX-20 names every key of the table", () => {
    for (const key of [
      "wakefleetHarnessCheckedOut",
      "wakefleetRuntimeServices",
      "executionWorkspaceId",
      "wakefleetWake",
    ]) {
      expect(EXECUTION_CONTEXT_KEYS).toContain(key);
    }
    expect(EXECUTION_CONTEXT_KEYS).toHaveLength(17);
  });

  const built: JsonObject = {
    wakefleetIssue: { id: "i", identifier: "P-1", title: "t", description: "d".repeat(300_000) },
    wakefleetWakeComment: { id: "c", body: "b" },
    wakefleetTaskMarkdown: "text",
    wakefleetWorkspace: { cwd: "/w" },
  };

  it("CX-22 a large context is stored without its bodies, and says so", () => {
    expect(storedContextKeys({ issueId: "i" }, built)).toEqual({
      wakefleetIssue: { id: "i", identifier: "P-1", title: "t" },
      wakefleetWakeComment: { id: "c" },
      wakefleetWorkspace: { cwd: "/w" },
      _truncated: true,
    });
  });

  it("CX-22 the limit counts bytes of the whole context, the wake's own part with it", () => {
    const small = { wakefleetTaskMarkdown: "text" };
    expect(storedContextKeys({ a: "x".repeat(256 * 1024 - 100) }, small)).toEqual(small);
    expect(storedContextKeys({ a: "€".repeat(88_000) }, small)).toEqual({ _truncated: true });
    expect(storedContextKeys({ a: "€".repeat(87_000) }, small)).toEqual(small);
  });
});

describe("the config of a run", () => {
  const issue = {
    assigneeAgentId: "a",
    assigneeAdapterOverrides: { adapterConfig: { model: "m" }, useProjectWorkspace: false },
  };

  it("CX-5, EX-4 overrides count only for the assignee", () => {
    expect(assigneeOverrides({ agentId: "a", issue })).toEqual({
      adapterConfig: { model: "m" },
      useProjectWorkspace: false,
    });
    for (const other of [null, { ...issue, assigneeAgentId: "b" }, { ...issue, assigneeAgentId: null }]) {
      expect(assigneeOverrides({ agentId: "a", issue: other })).toEqual({
        adapterConfig: null,
        useProjectWorkspace: null,
      });
    }
  });

  it.each([
    null,
    [],
    "x",
    { adapterConfig: {}, useProjectWorkspace: "no" },
    { adapterConfig: [1], useProjectWorkspace: null },
  ])("CX-5 %j is no override", (assigneeAdapterOverrides) => {
    const given = { assigneeAgentId: "a", assigneeAdapterOverrides };
    expect(assigneeOverrides({ agentId: "a", issue: given })).toEqual({
      adapterConfig: null,
      useProjectWorkspace: null,
    });
  });

  it("CX-4, EX-5, RS-1 overrides replace whole keys, env among them, and workspaceRuntime goes", () => {
    const agent = { command: "c", env: { A: "1", B: "2" }, workspaceRuntime: { services: [] } };
    const overrides = { adapterConfig: { env: { C: "3" }, workspaceRuntime: { jobs: [] } }, useProjectWorkspace: null };
    expect(runConfig(agent, overrides)).toEqual({ command: "c", env: { C: "3" } });
    expect(agent.workspaceRuntime).toBeDefined();
  });
});
