/**
 * What must hold of every agent whose real CLI is run by a real worker (issue "Real agents", item 3): a turn with a tool
 * call, a session resumed by the second wake, a limit that becomes a scheduled retry, a lost session, a missing login, a
 * cancel in the middle.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type Fleet, startFleet } from "../../support/fleet.js";
import {
  createAgent,
  createCompany,
  type RunAnswer,
  readOutput,
  readRun,
  untilEnded,
} from "../../support/fleet-work.js";
import { processesInGroup } from "../../support/leftovers.js";
import { type AgentKind, loseSessions, type UsageFigures } from "./agent-kinds.js";
import { installedCli } from "./installed-cli.js";
import { API_KEY, type FakeModelApi, startFakeModelApi, TOOL_WORDS } from "./model-api/fake-model-api.js";

/** A CLI starts in seconds; a machine with few cores needs longer, and only a failure uses all of it. */
const RUN_DEADLINE_MS = 150_000;
const TOOL_FILE = "written-by-the-tool.txt";
const HOUR_MS = 3_600_000;

/** Fields of a run that only these tests read. */
interface AgentRun extends RunAnswer {
  readonly sessionIdBefore: string | null;
  readonly sessionIdAfter: string | null;
  readonly usageJson: Partial<UsageFigures> | null;
  readonly scheduledRetryAt: string | null;
}

/** One agent with a home, a directory and a model API of its own. */
interface Stage {
  readonly agentId: string;
  readonly home: string;
  readonly cwd: string;
  readonly api: FakeModelApi;
}

export function describeRealAgent(kind: AgentKind): void {
  const command = installedCli(kind.cli);
  const wanted = process.env["TEST_AGENTS"]?.split(",").includes(kind.cli) ?? true;

  describe.skipIf(command === null || !wanted)(`the real ${kind.cli}`, () => {
    let fleet: Fleet;
    let companyId: string;
    let folder: string;
    const apis: FakeModelApi[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(path.join(tmpdir(), `wakefleet-real-${kind.cli}-`));
      const home = path.join(folder, "worker-home");
      mkdirSync(home);
      fleet = await startFleet({ env: { HOME: home } });
      companyId = await createCompany(fleet);
    });
    afterAll(async () => {
      await fleet?.stop();
      await Promise.all(apis.map((api) => api.stop()));
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    async function setStage(login: "key" | "limits" | "none" = "key"): Promise<Stage> {
      const number = apis.length;
      const api = await startFakeModelApi({
        dialect: kind.dialect,
        command: `printf written > ${TOOL_FILE}`,
        finalText: `The work of stage ${number} is done.`,
      });
      apis.push(api);
      const home = path.join(folder, `home-${number}`);
      const cwd = path.join(folder, `work-${number}`);
      mkdirSync(home);
      mkdirSync(cwd);
      await kind.prepareHome(home, api.url);
      const agentId = await createAgent(fleet, {
        companyId,
        name: `${kind.cli} ${number}`,
        adapterType: kind.adapterType,
        adapterConfig: {
          ...kind.config,
          command,
          cwd,
          graceSec: 5,
          promptTemplate: `Please ${TOOL_WORDS} to write a line, then finish.`,
          env: kind.env({ home, apiUrl: api.url, login }),
        },
      });
      return { agentId, home, cwd, api };
    }

    /** Wakes for the same piece of work each time, so that its session goes on. */
    async function wakeOnce({ agentId }: Stage): Promise<AgentRun> {
      const { status, body } = await fleet.http.post<AgentRun>(`/api/agents/${agentId}/wakeup`, {
        payload: { taskKey: "the-work" },
      });
      expect(status).toBe(202);
      return body;
    }
    async function runOnce(stage: Stage): Promise<AgentRun> {
      const { id } = await wakeOnce(stage);
      await untilEnded(fleet, id, RUN_DEADLINE_MS);
      return (await readRun(fleet, id)) as AgentRun;
    }
    /** For the message of a failed expectation. */
    async function whatHappened({ id, error }: RunAnswer): Promise<string> {
      return `${error ?? "no error"}\n${(await readOutput(fleet, id)).slice(-4_000)}`;
    }
    /** The run that follows `run`, or null when none came within a moment after the end's steps are done. */
    async function retryOf(run: RunAnswer): Promise<AgentRun | null> {
      const [row] = await eventually(`the steps after run ${run.id}`, () =>
        fleet.db.sql
          .query<{ retry: string | null }>(
            `SELECT (SELECT id FROM heartbeat_runs WHERE retry_of_run_id = r.id) AS retry
               FROM heartbeat_runs r WHERE r.id = $1 AND r.finalized_at IS NOT NULL`,
            [run.id],
          )
          .then((rows) => (rows.length === 0 ? null : rows)),
      );
      return row?.retry == null ? null : ((await readRun(fleet, row.retry)) as AgentRun);
    }

    /** BY-5: all runs of the account wait until then, those of the other stages too. An operator lets them go on. */
    async function freeAccounts(): Promise<void> {
      const accounts = `/api/companies/${companyId}/provider-accounts`;
      const { body } = await fleet.http.get<{ id: string; limitedUntil: string | null }[]>(accounts);
      if (kind.namesResetTime) expect(body.some(({ limitedUntil }) => limitedUntil !== null)).toBe(true);
      for (const { id } of body) {
        expect((await fleet.http.patch(`${accounts}/${id}`, { limitedUntil: null })).status).toBe(200);
      }
    }

    it("AD-332 AD-64 makes a tool call, is understood, and goes on in the same session when it is woken again", async () => {
      const stage = await setStage();
      const first = await runOnce(stage);
      expect(first, await whatHappened(first)).toMatchObject({ status: "succeeded", exitCode: 0, error: null });
      expect(first.resultJson).toMatchObject({ summary: stage.api.finalText });
      expect(first.usageJson).toMatchObject(kind.usage.withTool);
      expect(readFileSync(path.join(stage.cwd, TOOL_FILE), "utf8")).toBe("written");
      expect(first.sessionIdAfter).not.toBeNull();

      stage.api.become({ works: true });
      const asked = stage.api.requests.length;
      rmSync(path.join(stage.cwd, TOOL_FILE));
      const second = await runOnce(stage);
      expect(second, await whatHappened(second)).toMatchObject({ status: "succeeded", exitCode: 0 });
      expect([second.sessionIdBefore, second.sessionIdAfter]).toEqual([first.sessionIdAfter, first.sessionIdAfter]);
      // What the model is told now holds what it said then.
      expect(JSON.stringify(stage.api.requests[asked]?.body)).toContain(stage.api.finalText);
      expect(second.usageJson).toMatchObject(
        existsSync(path.join(stage.cwd, TOOL_FILE)) ? kind.usage.withTool : kind.usage.plain,
      );
    });

    it("AD-32 AD-124 AD-162 AD-245 BY-5 a limit becomes a retry at the time the provider named", async () => {
      const stage = await setStage("limits");
      const until = new Date(Math.ceil((Date.now() + 3 * HOUR_MS) / 60_000) * 60_000);
      stage.api.become({ limitedUntil: until });
      const run = await runOnce(stage);
      expect(run, await whatHappened(run)).toMatchObject({
        status: "failed",
        errorCode: kind.errorCodes.transient,
        resultJson: { errorFamily: "transient_upstream" },
      });
      const retry = await retryOf(run);
      expect(retry).toMatchObject({ status: "scheduled_retry" });
      const dueAt = new Date(retry?.scheduledRetryAt ?? 0).getTime();
      if (kind.namesResetTime) expect(dueAt).toBeGreaterThanOrEqual(until.getTime() - 2_000);
      expect(dueAt).toBeLessThan(until.getTime() + HOUR_MS);
      await fleet.http.post(`/api/heartbeat-runs/${retry?.id}/cancel`);
      await freeAccounts();
    });

    it("AD-73 AD-74 starts over when its session is lost", async () => {
      const stage = await setStage();
      const first = await runOnce(stage);
      expect(first, await whatHappened(first)).toMatchObject({ status: "succeeded" });
      await loseSessions(kind, stage.home);
      await kind.prepareHome(stage.home, stage.api.url);
      const second = await runOnce(stage);
      expect(second, await whatHappened(second)).toMatchObject({ status: "succeeded" });
      expect(second.sessionIdAfter).not.toBeNull();
      expect(second.sessionIdAfter).not.toBe(first.sessionIdAfter);
    });

    it("AD-76 AD-123 AD-164 AD-211 a missing login is told as one and not tried again", async () => {
      const stage = await setStage("none");
      const run = await runOnce(stage);
      expect(run, await whatHappened(run)).toMatchObject({ status: "failed", errorCode: kind.errorCodes.auth });
      expect(await retryOf(run)).toBeNull();
      expect(JSON.stringify(run)).not.toContain(API_KEY);
    });

    it("AD-48 AD-50 is cancelled in the middle of a turn, and works when it is woken again", async () => {
      const stage = await setStage();
      stage.api.become({ silent: true });
      const { id } = await wakeOnce(stage);
      const asked = await eventually(
        "the CLI to ask its model",
        async () => stage.api.requests.length > 0 || (await readRun(fleet, id)).finishedAt,
        RUN_DEADLINE_MS,
      );
      expect(asked, await readOutput(fleet, id)).toBe(true);
      const { processGroupId } = await readRun(fleet, id);
      expect(processGroupId).not.toBeNull();
      const { status } = await fleet.http.post(`/api/heartbeat-runs/${id}/cancel`);
      // 202 when the tool takes longer to end than the answer waits.
      expect([200, 202]).toContain(status);
      expect(await untilEnded(fleet, id)).toMatchObject({ status: "cancelled", errorCode: "cancelled" });
      expect(processesInGroup(processGroupId ?? 0)).toEqual([]);

      stage.api.become({ works: true });
      const next = await runOnce(stage);
      expect(next, await whatHappened(next)).toMatchObject({ status: "succeeded" });
    });
  });
}
