/**
 * The work that tests of crashes put at stake: a run on an issue that says what it cost, another agent's wake deferred
 * behind it, and other work of the same agent; and what must hold of it when the fleet has settled (RL-1 to RL-4, FI-14).
 */
import { expect } from "vitest";
import { expectNothingBroken } from "./after-each-test.js";
import type { Fleet } from "./fleet.js";
import { createAgent, type RunAnswer, readRun, untilSettled, wake } from "./fleet-work.js";

export interface WorkAtStake {
  /** Whose the run is, and who waits behind it. */
  readonly agentIds: readonly [string, string];
  /** The run on the issue. */
  readonly firstId: string;
  /** What waits behind it in its agent's queue. */
  readonly nextId: string;
}

interface WorkOptions {
  readonly companyId: string;
  readonly name: string;
  /** The first agent goes on until the witness releases it. */
  readonly held?: boolean;
}

/** Accepts the work; call it while no worker is there. */
export async function acceptWork(fleet: Fleet, { companyId, name, held = false }: WorkOptions): Promise<WorkAtStake> {
  const agent = (agentName: string, hold: "none" | "until_released"): Promise<string> =>
    createAgent(fleet, {
      companyId,
      name: agentName,
      adapterType: "gemini_local",
      adapterConfig: fleet.witness.pricedConfig(hold),
      heartbeat: { maxConcurrentRuns: 1 },
    });
  const [owner, other] = await Promise.all([
    agent(name, held ? "until_released" : "none"),
    agent(`${name}, behind it`, "none"),
  ]);
  const { body: issue } = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, {
    title: name,
    assigneeAgentId: owner,
    status: "backlog",
  });
  const { body: first } = await fleet.http.post<RunAnswer>(`/api/agents/${owner}/wakeup`, {
    reason: "asked",
    payload: { issueId: issue.id },
  });
  await fleet.http.post(`/api/issues/${issue.id}/comments`, { body: `[Look](agent://${other}) at this, please` });
  expect(await requestsOf(fleet, other)).toMatchObject([{ status: "deferred_issue_execution" }]);
  const next = await wake(fleet, owner, { taskKey: `${name} next` });
  return { agentIds: [owner, other], firstId: first.id, nextId: next.id };
}

/** Starts a worker that dies at `fault` (a point, or `POINT:kill:N`), and settles when it has. */
export async function workerDiesAt(fleet: Fleet, fault: string): Promise<void> {
  const index = fleet.workers.length;
  const starting = fleet.startWorker({ env: { WAKEFLEET_FAULTS: fault.includes(":") ? fault : `${fault}:kill` } });
  // It may die before it has said that it serves.
  await starting.catch((error: unknown) => expect(String(error)).toContain("ended before it served"));
  expect(await fleet.workers[index]?.ended).toEqual({ signal: "SIGKILL" });
}

/** A worker that nothing befalls does what is left, and nothing is broken then. */
export async function soundWorkerFinishes(fleet: Fleet): Promise<void> {
  const sound = await fleet.startWorker();
  try {
    await untilSettled(fleet, 60_000);
    await expectNothingBroken(fleet, () => 1);
  } finally {
    await sound.kill();
  }
}

/** How often the witness saw a run begin. */
export const executions = (fleet: Fleet, runId: string): number =>
  fleet.witness.lines().filter((line) => line.kind === "start" && line.runId === runId).length;

/** US-3: the cost of each run that ended well was booked, once, and the agents' totals are the sum. */
export async function expectCostsBookedOnce(fleet: Fleet, { agentIds }: WorkAtStake): Promise<void> {
  const runs = await fleet.db.sql.query<{ id: string; status: string; booked: number; tokens: number }>(
    `SELECT r.id, r.status, count(c.id)::int AS booked, coalesce(sum(c.input_tokens), 0)::int AS tokens
       FROM heartbeat_runs r LEFT JOIN cost_events c ON c.heartbeat_run_id = r.id
      WHERE r.agent_id = ANY($1::uuid[]) GROUP BY r.id`,
    [agentIds],
  );
  for (const run of runs) {
    const once = run.status === "succeeded" ? 1 : 0;
    expect(run).toEqual({ ...run, booked: once, tokens: once * 10 });
  }
  const totals = await fleet.db.sql.query<{ total: string; booked: string }>(
    `SELECT s.total_input_tokens AS total,
            (SELECT coalesce(sum(c.input_tokens), 0) FROM cost_events c WHERE c.agent_id = s.agent_id) AS booked
       FROM agent_runtime_state s WHERE s.agent_id = ANY($1::uuid[])`,
    [agentIds],
  );
  expect(totals.map(({ total }) => Number(total))).toEqual(totals.map(({ booked }) => Number(booked)));
}

const ENDS: ReadonlySet<string | null | undefined> = new Set(["succeeded", "failed"]);

/** FI-8: what waited went on. `mayBeLost`: the worker that died may have had it in its hands. */
export async function expectWaitingWorkDone(
  fleet: Fleet,
  { agentIds, nextId }: WorkAtStake,
  { mayBeLost }: { mayBeLost: boolean },
): Promise<void> {
  const [promoted, ...others] = await requestsOf(fleet, agentIds[1]);
  expect(promoted?.reason).toBe("issue_execution_promoted");
  const next = await readRun(fleet, nextId);
  if (mayBeLost) {
    expect([promoted?.run, next.status].filter((status) => !ENDS.has(status))).toEqual([]);
    return;
  }
  expect(others).toEqual([]);
  expect(promoted).toMatchObject({ status: "completed", run: "succeeded" });
  expect(next.status).toBe("succeeded");
}

/** An agent's requests with the status of their runs, oldest first. */
function requestsOf(fleet: Fleet, agentId: string): Promise<{ status: string; reason: string; run: string | null }[]> {
  return fleet.db.sql.query(
    `SELECT w.status, w.reason, r.status AS run
       FROM agent_wakeup_requests w LEFT JOIN heartbeat_runs r ON r.id = w.run_id
      WHERE w.agent_id = $1 ORDER BY w.created_at, w.id`,
    [agentId],
  );
}
