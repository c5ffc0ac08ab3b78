import { describe, expect, it } from "vitest";
import { migrateSession, type SessionMove } from "./migrate-session.js";

const move: SessionMove = {
  params: { sessionId: "s", cwd: "/home/agent/", other: 1 },
  base: { source: "project_primary", workspaceId: "w", repoUrl: "https://h/r.git", repoRef: null },
  cwd: "/projects/app",
  agentHome: "/home/agent",
  absolute: (path) => path.replace(/\/$/, ""),
};

describe("a session that was saved in the agent's home", () => {
  it("SE-31, SE-32 moves to its project's directory when that is there", () => {
    expect(migrateSession(move)).toEqual({
      params: { sessionId: "s", cwd: "/projects/app", other: 1, workspaceId: "w", repoUrl: "https://h/r.git" },
      warning:
        'Project workspace "/projects/app" is now available. Attempting to resume session "s" that was previously saved in fallback workspace "/home/agent/".',
    });
  });

  it.each<[string, Partial<SessionMove>]>([
    ["without params", { params: null }],
    ["without a session id", { params: { cwd: "/home/agent" } }],
    ["without a directory", { params: { sessionId: "s" } }],
    ["with a blank directory", { params: { sessionId: "s", cwd: " " } }],
    ["outside a project", { base: { ...move.base, source: "agent_home" } }],
    ["without a directory to move to", { cwd: "" }],
    ["from another directory", { params: { sessionId: "s", cwd: "/elsewhere" } }],
    ["within the agent's home", { cwd: "/home/agent" }],
    ["of another workspace", { params: { sessionId: "s", cwd: "/home/agent", workspaceId: "v" } }],
  ])("SE-31 stays as it is %s", (_, change) => {
    const question = { ...move, ...change };
    expect(migrateSession(question)).toEqual({ params: question.params, warning: null });
  });

  it("SE-31 moves where only one side names a workspace", () => {
    const base = { ...move.base, workspaceId: null };
    const params = { sessionId: "s", cwd: "/home/agent", workspaceId: "v" };
    expect(migrateSession({ ...move, params, base }).params).toMatchObject({ cwd: "/projects/app", workspaceId: "v" });
  });
});
