/** Sessions that are left for a fresh one, moved or reset (SE-31, SE-40 to SE-49, SE-63; 05-16 to 05-19). */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type AdapterExecutionContext, builtInAdapters, createAdapterRegistry } from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import { resetAgentSessions } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { workRun } from "../src/runs/work-run.js";
import { countRows, done, type Play, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

/** An agent whose CLI is the test: everything of the real adapter but what it runs. */
async function cliAgent(adapterType: string, runtimeConfig: JsonObject = {}) {
  const agentId = await anAgent(world.db.sql, { companyId, adapterType, runtimeConfig });
  const seen: AdapterExecutionContext[] = [];
  let play: Play = () => done;
  const worker = await world.worker();
  const adapters = createAdapterRegistry(
    builtInAdapters().map((adapter) => ({
      ...adapter,
      execute: async (context) => {
        seen.push(context);
        return play(context);
      },
    })),
  );
  return {
    agentId,
    worker,
    seen,
    async run(wake: { payload?: JsonObject; reason?: string }, next: Play = () => ({ ...done, sessionId: "s" })) {
      play = next;
      const { run } = await world.wake({ agentId, payload: { taskKey: "k" }, ...wake });
      await workRun({ ...worker.deps, adapters }, { runId: run?.id ?? "", agentId });
      return world.run(run?.id ?? "");
    },
    warnings: (runId: string) =>
      world.told.events.flatMap((event) =>
        event.type === "heartbeat.run.log" && event.payload.runId === runId ? [event.payload.chunk] : [],
      ),
  };
}

/** Ended runs of a session, an hour apart, the newest last. */
async function endedRuns(agentId: string, count: number, newest: object = {}) {
  for (let index = 0; index < count; index += 1) {
    const createdAt = new Date(Date.now() - (count - index) * 3_600_000);
    const last = index === count - 1 ? newest : {};
    await aRun(world.db.sql, { companyId, agentId, status: "succeeded", sessionIdAfter: "s", createdAt, ...last });
  }
}

describe("rotation", () => {
  it("SE-44, SE-45, SE-47, SE-48, SE-54 (05-16, 05-19) after two ended runs the third is given it, the fourth is fresh", async () => {
    const agent = await cliAgent("gemini_local", { heartbeat: { sessionCompaction: { maxSessionRuns: 2 } } });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agent.agentId, status: "in_progress" });
    const wake = { payload: { issueId }, reason: "asked" };
    for (let index = 0; index < 3; index += 1) {
      await agent.run(wake, () => ({ ...done, sessionId: "s", summary: `Part ${index} is done.` }));
    }
    expect(agent.seen.map(({ runtime }) => runtime.sessionId)).toEqual([null, "s", "s"]);
    const fourth = await agent.run(wake, () => ({ ...done, usage: { inputTokens: 1, outputTokens: 1 } }));
    expect(agent.seen[3]?.runtime).toMatchObject({ sessionId: null, sessionParams: null, sessionDisplayId: null });
    expect(agent.seen[3]?.context).toMatchObject({
      wakefleetPreviousSessionId: "s",
      wakefleetSessionRotationReason: "session exceeded 2 runs",
    });
    const handoff = String(agent.seen[3]?.context["wakefleetSessionHandoffMarkdown"]).split("\n");
    expect(handoff.slice(0, 5)).toEqual([
      "Wakefleet session handoff:",
      "- Previous session: s",
      `- Issue: ${issueId}`,
      "- Rotation reason: session exceeded 2 runs",
      "- Last run summary: Part 2 is done.",
    ]);
    expect(handoff[5]).toMatch(/^- Issue continuation summary: # Continuation Summary/);
    expect(handoff.at(-1)).toBe("Continue from the current task state. Rebuild only the minimum context you need.");
    expect(agent.warnings(fourth.id)).toContain(
      "[wakefleet] Starting a fresh session because session exceeded 2 runs.\n",
    );
    expect(fourth).toMatchObject({ sessionIdBefore: null, sessionIdAfter: null });
    expect(fourth.contextSnapshot).toMatchObject({ wakefleetPreviousSessionId: "s" });
    expect(fourth.usageJson).toMatchObject({ sessionRotated: true, sessionRotationReason: "session exceeded 2 runs" });
    expect(await countRows(world.db.sql, "agent_task_sessions WHERE agent_id = $1", [agent.agentId])).toBe(0);
    await agent.run(wake);
    expect(agent.seen[4]?.runtime.sessionId).toBeNull();
    expect(agent.seen[4]?.context).not.toHaveProperty("wakefleetPreviousSessionId");
  });

  it("SE-42, SE-43 (05-17) an agent that manages its context itself is never rotated by default", async () => {
    const agent = await cliAgent("claude_local");
    await agent.run({});
    await endedRuns(agent.agentId, 500, { usageJson: { rawInputTokens: 9_000_000 } });
    await agent.run({});
    expect(agent.seen[1]?.runtime.sessionId).toBe("s");
  });

  it("SE-45 (05-18) by the raw input of the newest run", async () => {
    const agent = await cliAgent("gemini_local");
    await agent.run({}, () => ({ ...done, sessionId: "s", usage: { inputTokens: 2_000_000, outputTokens: 1 } }));
    const rotated = await agent.run({});
    const reason = "session raw input reached 2,000,000 tokens (threshold 2,000,000)";
    expect(agent.seen[1]?.runtime.sessionId).toBeNull();
    expect(agent.seen[1]?.context).toMatchObject({ wakefleetSessionRotationReason: reason });
    expect(agent.warnings(rotated.id)).toContain(`[wakefleet] Starting a fresh session because ${reason}.\n`);
  });

  it("SE-46, SE-49 by the age from the oldest to the newest of all its runs, counted over no more than needed", async () => {
    const agent = await cliAgent("gemini_local");
    await agent.run({});
    await endedRuns(agent.agentId, 80);
    await agent.run({});
    expect(agent.seen[1]?.context).toMatchObject({
      wakefleetSessionRotationReason: expect.stringMatching(/^session age reached (79|80) hours$/),
    });
    const [plan] = await world.db.sql.query<{ "QUERY PLAN": unknown }>(
      `EXPLAIN (FORMAT JSON) SELECT 1 FROM heartbeat_runs WHERE agent_id = $1 AND session_id_after = 's' ORDER BY created_at LIMIT 1`,
      [agent.agentId],
    );
    expect(JSON.stringify(plan)).toContain("heartbeat_runs_agent_session_idx");
  });
});

describe("moves and resets", () => {
  it("SE-36 whether a handed session is really resumed is the adapter's business: it gets params with another cwd as they are", async () => {
    const agent = await cliAgent("gemini_local");
    const params = { sessionId: "s", cwd: "/somewhere/else" };
    await agent.run({}, () => ({ ...done, sessionParams: params }));
    await agent.run({});
    expect(agent.seen[1]?.runtime.sessionParams).toEqual(params);
  });

  it("SE-31, SE-32, WS-14 (05-26) a session of the agent's home moves when its project's directory appears", async () => {
    const agent = await cliAgent("gemini_local");
    const projectId = await insertRow(world.db.sql, "projects", { companyId, name: "Roof" });
    const cwd = join(agent.worker.deps.location.env["WAKEFLEET_HOME"] ?? "", `project-${projectId}`);
    await insertRow(world.db.sql, "project_workspaces", { companyId, projectId, name: "Roof", cwd });
    const wake = { payload: { taskKey: "k", projectId } };
    const savesHere: Play = ({ context }) => {
      const workspace = context["wakefleetWorkspace"] as JsonObject;
      return { ...done, sessionParams: { sessionId: "s", cwd: workspace["cwd"] ?? null } };
    };
    await agent.run(wake, savesHere);
    const { agentHome: home } = (agent.seen[0]?.context["wakefleetWorkspace"] ?? {}) as JsonObject;
    mkdirSync(cwd, { recursive: true });
    const second = await agent.run(wake, savesHere);
    expect(agent.seen[1]?.runtime).toMatchObject({ sessionId: "s", sessionParams: { sessionId: "s", cwd } });
    expect(agent.warnings(second.id)).toContain(
      `[wakefleet] Project workspace "${cwd}" is now available. Attempting to resume session "s" that was previously saved in fallback workspace "${String(home)}".\n`,
    );
  });

  it("SE-27 params pass through the adapter's codec: aliases become names, other keys go", async () => {
    const agent = await cliAgent("gemini_local");
    const home = join(agent.worker.deps.location.env["WAKEFLEET_HOME"] ?? "", "dir");
    mkdirSync(home, { recursive: true });
    await agent.run({}, () => ({ ...done, sessionParams: { session_id: " s ", folder: home, other: 1 } }));
    await agent.run({});
    expect(agent.seen[1]?.runtime).toMatchObject({ sessionId: "s", sessionParams: { sessionId: "s", cwd: home } });
    expect(agent.seen[1]?.runtime.sessionParams).not.toHaveProperty("other");
  });

  it.each(["k", null])("SE-63 a reset (%s) while a run of that key runs holds for its end", async (taskKey) => {
    const agent = await cliAgent("gemini_local");
    await agent.run({});
    await agent.run({}, async () => {
      const { agentId: id } = agent;
      const reset = { id, companyId, adapterType: "gemini_local", taskKey };
      expect(await world.db.transaction((tx) => resetAgentSessions(tx, reset))).toBe(1);
      return { ...done, sessionId: "late" };
    });
    expect(await countRows(world.db.sql, "agent_task_sessions WHERE agent_id = $1", [agent.agentId])).toBe(0);
    const own = "agent_runtime_state WHERE agent_id = $1 AND session_id IS NOT NULL";
    expect(await countRows(world.db.sql, own, [agent.agentId])).toBe(0);
  });

  it("SE-63 a reset of another key leaves the running one's end as it is", async () => {
    const agent = await cliAgent("gemini_local");
    await agent.run({}, async () => {
      const reset = { id: agent.agentId, companyId, adapterType: "gemini_local", taskKey: "other" };
      await world.db.transaction((tx) => resetAgentSessions(tx, reset));
      return { ...done, sessionId: "kept" };
    });
    expect(await countRows(world.db.sql, "agent_task_sessions WHERE agent_id = $1", [agent.agentId])).toBe(1);
  });

  it("SE-63 resets and ends at the same instant never wait in a circle", async () => {
    const agent = await cliAgent("gemini_local");
    for (let round = 0; round < 12; round += 1) {
      let resets: Promise<number>[] = [];
      await agent.run({}, async () => {
        const reset = { id: agent.agentId, companyId, adapterType: "gemini_local", taskKey: "k" };
        const later = async (): Promise<number> => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 6));
          return world.db.transaction((tx) => resetAgentSessions(tx, reset));
        };
        resets = [later(), later()];
        return { ...done, sessionId: `s${round}` };
      });
      await Promise.all(resets);
    }
  });
});
