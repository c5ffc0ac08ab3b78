/** A run that spends its budget is stopped while it goes on (BY-6): real processes, and a tool that tells its tokens only. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createProgramFolder, createStubCli, type ProgramFolder } from "@wakefleet/adapters/conformance";
import type { JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, readRun, untilEnded, wake } from "../support/fleet-work.js";
import { isAlive } from "../support/leftovers.js";

const SESSION = "adad0771-d9b6-408a-a08d-51a949795f25";
const lines = (...events: object[]): string =>
  events.map((event) => `${JSON.stringify({ session_id: SESSION, ...event })}\n`).join("");
/** A million tokens of this model's input cost 3 USD. */
const message = (id: string, inputTokens: number): object => ({
  type: "assistant",
  message: {
    id,
    model: "claude-sonnet-4-20250514",
    content: [],
    usage: { input_tokens: inputTokens, output_tokens: 1 },
  },
});
const INIT = { type: "system", subtype: "init", model: "claude-sonnet-4-20250514" };
const DONE = { type: "result", subtype: "success", is_error: false, result: "Done.", total_cost_usd: 0.05 };

let fleet: Fleet;
let companyId: string;
let programs: ProgramFolder;

beforeAll(async () => {
  programs = await createProgramFolder();
  fleet = await startFleet();
  companyId = await createCompany(fleet);
});
afterAll(async () => {
  await fleet?.stop();
  await programs?.remove();
});

const budget = async (agentId: string, amount: number): Promise<void> => {
  const { status } = await fleet.http.post(`/api/companies/${companyId}/budgets/policies`, {
    scopeType: "agent",
    scopeId: agentId,
    amount,
  });
  expect(status).toBeLessThan(300);
};

describe("the money brake of a fleet", () => {
  it("BY-6 stops the process at the limit, books what it spent, and the session goes on after a raise (08-3)", async () => {
    const stub = await createStubCli(programs, {
      name: "spending-claude",
      fresh: { stdout: lines(INIT, message("m1", 50_000), message("m2", 50_000)), afterwards: "hang" },
      resumed: { stdout: lines(INIT, message("m3", 1_000), DONE) },
    });
    const cwd = join(fleet.scratch, "spending");
    mkdirSync(cwd);
    const agentId = await createAgent(fleet, {
      companyId,
      adapterType: "claude_local",
      adapterConfig: { command: stub.file, cwd, graceSec: 1, env: { ANTHROPIC_API_KEY: "sk-fake" } },
    });
    await budget(agentId, 20);
    const { id } = await wake(fleet, agentId, { taskKey: "work" });
    const pid = await eventually("its process", async () => (await readRun(fleet, id)).processPid);
    const stopped = await untilEnded(fleet, id);
    expect(stopped).toMatchObject({
      status: "cancelled",
      error: "Cancelled due to budget pause",
      errorCode: "cancelled",
      resultJson: {
        stopReason: "budget_paused",
        budgetStop: { scopeType: "agent", limitCents: 20, observedCents: 30, runCents: 30, overshootCents: 10 },
      },
    });
    expect(isAlive(pid)).toBe(false);
    const { usageJson } = stopped as unknown as { usageJson: JsonObject };
    expect(usageJson).toMatchObject({ inputTokens: 100_000, costUsd: expect.closeTo(0.3, 2) });

    await budget(agentId, 1_000);
    const next = await untilEnded(fleet, (await wake(fleet, agentId, { taskKey: "work" })).id);
    expect(next.status).toBe("succeeded");
    expect((await stub.calls()).at(-1)?.argv).toContain(SESSION);
    await expectNothingBroken(fleet, () => 1);
  });

  // Before the end is written its child's spool tells the next worker what was spent; after it, it must not be told twice.
  it.each(["after-child-exit-before-finish", "after-finish-before-job-end"])(
    "BU-44, FI-14 a worker killed at %s: the run's cost is booked once (08-14)",
    async (point) => {
      const stub = await createStubCli(programs, {
        name: "frugal-claude",
        fresh: { stdout: lines(INIT, message("m1", 1_000), DONE) },
      });
      const cwd = join(fleet.scratch, point);
      mkdirSync(cwd);
      const agentId = await createAgent(fleet, {
        companyId,
        adapterType: "claude_local",
        adapterConfig: { command: stub.file, cwd, graceSec: 1, env: { ANTHROPIC_API_KEY: "sk-fake" } },
      });
      for (const worker of fleet.workers) await worker.kill();
      const doomed = await fleet.startWorker({ env: { WAKEFLEET_FAULTS: `${point}:kill` } });
      const { id } = await wake(fleet, agentId, { taskKey: point });
      expect(await doomed.ended).toEqual({ signal: "SIGKILL" });
      await fleet.startWorker();
      const ended = await untilEnded(fleet, id);
      expect(ended.status).toBe("succeeded");
      const events = await fleet.db.sql.query("SELECT cost_cents FROM cost_events WHERE heartbeat_run_id = $1", [id]);
      expect(events).toEqual([{ cost_cents: 5 }]);
      await expectNothingBroken(fleet, () => 1);
    },
    120_000,
  );
});
