/** What a provider's limit and a cap do in a fleet of real processes and queues (BY-5). */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createProgramFolder, createStubCli, type ProgramFolder } from "@wakefleet/adapters/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, readRun, untilEnded, wake, wakeMany } from "../support/fleet-work.js";

const FLEET_MAX_RUNS = 2;
const LIMITED_FOR_MS = 6_000;
const SESSION = "adad0771-d9b6-408a-a08d-51a949795f25";
const lines = (...events: object[]): string =>
  events.map((event) => `${JSON.stringify({ session_id: SESSION, ...event })}\n`).join("");
const INIT = { type: "system", subtype: "init", model: "claude-sonnet-4-20250514" };
const DONE = { type: "result", subtype: "success", is_error: false, result: "Done.", total_cost_usd: 0.01 };

let fleet: Fleet;
let companyId: string;
let programs: ProgramFolder;

beforeAll(async () => {
  programs = await createProgramFolder();
  fleet = await startFleet({
    workers: 2,
    env: { FLEET_MAX_RUNS: String(FLEET_MAX_RUNS), ACCOUNT_STAGGER_MS: "300", RETRY_DELAYS_MS: "600000" },
  });
  companyId = await createCompany(fleet);
});
afterAll(async () => {
  await fleet?.stop();
  await programs?.remove();
});

async function claudeAgent(name: string, stdout: string, more: { exitCode?: number; key?: string } = {}) {
  const stub = await createStubCli(programs, { name, fresh: { stdout, exitCode: more.exitCode ?? 0 } });
  const cwd = join(fleet.scratch, name);
  mkdirSync(cwd);
  const env = { ANTHROPIC_API_KEY: more.key ?? "sk-shared" };
  const adapterConfig = { command: stub.file, cwd, env };
  return { stub, agentId: await createAgent(fleet, { companyId, name, adapterType: "claude_local", adapterConfig }) };
}

describe("provider accounts of a fleet", () => {
  it("BY-5 a limit that one agent is told of parks the runs of the others until it is over; then they run by themselves", async () => {
    const resetsAt = Math.ceil((Date.now() + LIMITED_FOR_MS) / 1_000);
    const rejected = { type: "rate_limit_event", rate_limit_info: { status: "rejected", resetsAt } };
    const failed = { ...DONE, is_error: true, result: "You've hit your session limit", api_error_status: 429 };
    const teller = await claudeAgent("teller", lines(INIT, rejected, failed), { exitCode: 1 });
    const sharer = await claudeAgent("sharer", lines(INIT, DONE));
    const other = await claudeAgent("other", lines(INIT, DONE), { key: "sk-other" });

    const told = await untilEnded(fleet, (await wake(fleet, teller.agentId)).id);
    expect(told).toMatchObject({ status: "failed", errorCode: "claude_transient_upstream" });
    const waiting = await wakeMany(fleet, sharer.agentId, 3);
    expect((await untilEnded(fleet, (await wake(fleet, other.agentId)).id)).status).toBe("succeeded");
    expect(Date.now()).toBeLessThan(resetsAt * 1_000);
    for (const id of waiting) expect((await readRun(fleet, id)).status).toBe("queued");
    const why = await fleet.http.read<{ reason: { rule: string; text: string } }>(
      `/api/heartbeat-runs/${waiting[0]}/why`,
    );
    expect(why.reason).toMatchObject({ rule: "BY-5", text: expect.stringContaining("anthropic account is limited") });
    expect(await sharer.stub.calls()).toEqual([]);

    for (const id of waiting) {
      const ended = (await untilEnded(fleet, id)) as unknown as { status: string; startedAt: string };
      expect(ended.status).toBe("succeeded");
      expect(Date.parse(ended.startedAt)).toBeGreaterThanOrEqual(resetsAt * 1_000);
    }
    const { retries } = await fleet.http.read<{ retries: string[] }>(`/api/heartbeat-runs/${told.id}`);
    for (const id of retries) {
      await fleet.http.post(`/api/heartbeat-runs/${id}/cancel`);
      await untilEnded(fleet, id);
    }
    await expectNothingBroken(fleet, () => 5);
  });

  it("BY-5 the fleet's cap holds over both workers, and everything runs", async () => {
    const adapterConfig = { command: "/bin/sh", args: ["-c", "sleep 0.2"] };
    const agents = await Promise.all(
      ["a", "b", "c"].map((name) => createAgent(fleet, { companyId, name, adapterConfig })),
    );
    const runIds = (await Promise.all(agents.map((agentId) => wakeMany(fleet, agentId, 3)))).flat();
    let most = 0;
    let goesOn = true;
    const watch = (async () => {
      while (goesOn) {
        const running = await fleet.http.read<unknown[]>(
          `/api/companies/${companyId}/heartbeat-runs?status=running&limit=100`,
        );
        most = Math.max(most, running.length);
      }
    })();
    for (const id of runIds) expect((await untilEnded(fleet, id)).status).toBe("succeeded");
    goesOn = false;
    await watch;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(FLEET_MAX_RUNS);
    await expectNothingBroken(fleet, () => 5);
  });
});
