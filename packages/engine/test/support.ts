/**
 * What the tests of the use cases share: a database of their own, workers whose adapter does what the test says, and the
 * invariants, which are looked at after every test.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Adapter,
  type AdapterExecutionContext,
  type AdapterExecutionResult,
  builtInAdapters,
  createAdapterRegistry,
} from "@wakefleet/adapters";
import type { LiveEventDraft } from "@wakefleet/contracts";
import { DEFAULT_RETRY_TABLE } from "@wakefleet/domain";
import { createLocalRunLogStore, createOsUserRedactor } from "@wakefleet/run-logs";
import { type Database, findRun, openDatabase, type RunRow, type Sql, type WakeupRow } from "@wakefleet/store";
import {
  aWorker,
  checkInvariants,
  createTestDatabase,
  type InvariantOptions,
  type TestDatabase,
} from "@wakefleet/testkit";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { NO_RUN_CAPS, type RunCapSettings } from "../src/accounts/account-of-claim.js";
import { FullCaps } from "../src/accounts/full-caps.js";
import { newId } from "../src/ids.js";
import type { ControlChannel, Log, RunJob, RunQueue } from "../src/ports.js";
import type { CancelDeps } from "../src/runs/cancel-run.js";
import { type ClaimedRun, type ClaimResult, claimRun } from "../src/runs/claim-run.js";
import { HeldRuns } from "../src/runs/held-runs.js";
import type { RecoveryDeps } from "../src/runs/recover-orphans.js";
import { type JobVerdict, type WorkDeps, workRun } from "../src/runs/work-run.js";
import { secretsKeyring } from "../src/secrets/sealed-value.js";
import type { AcceptWakeupRequest, AcceptWakeupResult, DecidedWakeup } from "../src/wakeups/wake-request.js";
import { createWakeupAcceptor, type WakeupAcceptor } from "../src/wakeups/wakeup-acceptor.js";

/** Says nothing; tests look at rows. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** What the adapter of a test answers. */
export type Play = (context: AdapterExecutionContext) => Promise<AdapterExecutionResult> | AdapterExecutionResult;

/** Exit 0. */
export const done: AdapterExecutionResult = { exitCode: 0, signal: null, timedOut: false };

/** Exit 0 of a run that said something: nobody asks it to go on (LV-72). */
export const spoke: AdapterExecutionResult = { ...done, resultJson: { stdout: "All of it is done.\n" } };

/** The real process adapter in everything but what it runs. */
function scriptedAdapter(play: Play): Adapter {
  const [processAdapter] = builtInAdapters();
  if (processAdapter === undefined) throw new Error("the process adapter ships");
  return { ...processAdapter, execute: async (context) => play(context) };
}

/** Queue, control channel and dispatcher in memory: what would have been told to Redis. */
export class Told implements Pick<RunQueue, "removeJob" | "releaseJob">, ControlChannel {
  readonly jobs: RunJob[] = [];
  readonly events: LiveEventDraft[] = [];
  readonly removed: string[] = [];
  readonly released: { runId: string; outcome: string }[] = [];
  readonly cancels: { runId: string; workerId: string | null }[] = [];
  readonly queues: string[] = [];

  readonly dispatcher = { hand: (jobs: readonly RunJob[]): void => void this.jobs.push(...jobs) };
  readonly publisher = {
    publish: async (events: readonly LiveEventDraft[]): Promise<void> => void this.events.push(...events),
  };

  async removeJob(job: { runId: string }): Promise<void> {
    this.removed.push(job.runId);
  }
  async releaseJob(job: { runId: string; outcome: string }): Promise<void> {
    this.released.push({ runId: job.runId, outcome: job.outcome });
  }
  async publishResumed(): Promise<void> {
    this.queues.push("pace");
  }
  async publishCancel(message: { runId: string; workerId: string | null }): Promise<void> {
    this.cancels.push(message);
  }

  /** Everything an agent's queue can be told, noted as `verb agent`. */
  runQueue(): RunQueue {
    const note =
      (verb: string) =>
      async (agentId: string): Promise<void> =>
        void this.queues.push(`${verb} ${agentId}`);
    return {
      dispatch: async (jobs) => jobs.map((job) => this.jobs.push(job) > 0),
      removeJob: (job) => this.removeJob(job),
      releaseJob: (job) => this.releaseJob(job),
      setPriority: async ({ runId, priority }) => this.queues.push(`place ${runId} ${priority}`) > 0,
      setConcurrency: note("limit"),
      pause: note("pause"),
      resume: note("resume"),
      removeQueue: note("remove"),
    };
  }
}

const noFaults = { hit: async (): Promise<void> => undefined };

export interface World {
  readonly db: Database;
  readonly told: Told;
  readonly acceptor: WakeupAcceptor;
  /** One wake; it must not be rejected. */
  wake(request: Partial<AcceptWakeupRequest> & { agentId: string }): Promise<DecidedWakeup>;
  /** One wake, whatever comes of it. */
  ask(request: Partial<AcceptWakeupRequest> & { agentId: string }): Promise<AcceptWakeupResult>;
  /** A worker of this host, registered; its adapter plays `play`. */
  worker(play?: Play, options?: WorkerOptions): Promise<TestWorker>;
  cancelDeps(): CancelDeps;
  run(runId: string): Promise<RunRow>;
  request(requestId: string): Promise<WakeupRow>;
  /** Another pool on the same database, closed at the end; six connections unless told. */
  pool(maxConnections?: number): Database;
  /** What may be broken at the end of this test. */
  allow(options: InvariantOptions & { rules?: readonly string[] }): void;
}

export interface WorkerOptions {
  readonly db?: Database;
  readonly host?: RecoveryDeps["host"];
  readonly leaseMs?: number;
  /** The adapter passes tokens on (AD-18) and gets this one. */
  readonly mintRunToken?: WorkDeps["mintRunToken"];
  /** Where live events go; absent: to the world, at once. */
  readonly events?: WorkDeps["events"];
  /** BY-5. */
  readonly caps?: Partial<RunCapSettings>;
  /** The adapter takes skills (SK-1). */
  readonly knowsSkills?: boolean;
}

export interface TestWorker {
  readonly id: string;
  readonly deps: WorkDeps;
  readonly recovery: RecoveryDeps;
  claim(run: { id: string; agentId: string }): Promise<ClaimResult>;
  /** Claims a run that must be claimable. */
  mustClaim(run: { id: string; agentId: string }): Promise<ClaimedRun>;
  /** Claim, execute, end. */
  work(run: { id: string; agentId: string }): Promise<JobVerdict>;
}

/** What secrets of tests are sealed with. */
export const TEST_KEYRING = secretsKeyring(new Uint8Array(32).fill(7));

export const HOST = { hostname: "host", bootId: "boot" };

/** A wake as a test states it. */
export function wakeRequest(request: Partial<AcceptWakeupRequest> & { agentId: string }): AcceptWakeupRequest {
  return {
    companyId: null,
    source: "on_demand",
    triggerDetail: "manual",
    reason: null,
    payload: null,
    context: {},
    actor: { type: "user", id: "someone" },
    idempotencyKey: null,
    fingerprint: request.idempotencyKey == null ? null : "fingerprint",
    logActivity: false,
    ...request,
  };
}

/** Call once at the top of a test file. */
export function useWorld(): World {
  let testDatabase: TestDatabase;
  let db: Database;
  let acceptor: WakeupAcceptor;
  const told = new Told();
  let allowed: InvariantOptions & { rules?: readonly string[] } = {};
  const pools: Database[] = [];
  const home = mkdtempSync(join(tmpdir(), "wakefleet-engine-"));

  const ask: World["ask"] = (request) => world.acceptor.accept(wakeRequest(request));
  const world: World = {
    get db() {
      return db;
    },
    get acceptor() {
      return acceptor;
    },
    told,
    ask,
    async wake(request) {
      const result = await ask(request);
      if (result.outcome === "rejected") throw result.error;
      return result;
    },
    worker: (play = () => done, options = {}) => testWorker(world, { home, play, ...options }),
    cancelDeps: () => ({
      db: world.db,
      newId,
      dispatcher: world.told.dispatcher,
      events: world.told.publisher,
      queue: world.told,
      control: world.told,
      faults: noFaults,
      log: silentLog,
    }),
    async run(runId) {
      const run = await findRun(world.db.sql, runId);
      if (run === null) throw new Error(`no run ${runId}`);
      return run;
    },
    request: (requestId) => readRequest(world.db.sql, requestId),
    pool(maxConnections = 6) {
      const pool = openDatabase({ url: testDatabase.url, maxConnections });
      pools.push(pool);
      return pool;
    },
    allow(options) {
      allowed = options;
    },
  };

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    db = world.pool();
    const { dispatcher, publisher: events } = told;
    acceptor = createWakeupAcceptor({ db, newId, dispatcher, events });
  });

  afterEach(async () => {
    const { rules = [], ...options } = allowed;
    allowed = {};
    const violations = await checkInvariants(world.db.sql, options);
    expect(violations.filter(({ rule }) => !rules.includes(rule))).toEqual([]);
  });

  afterAll(async () => {
    await Promise.all(pools.map((db) => db.close()));
    await testDatabase?.drop();
    rmSync(home, { recursive: true, force: true });
  });

  return world;
}

const noSkills: NonNullable<Adapter["listSkills"]> = async ({ adapterType }) => ({
  adapterType,
  supported: true,
  mode: "ephemeral",
  desiredSkills: [],
  entries: [],
  warnings: [],
});

async function testWorker(world: World, how: { home: string; play: Play } & WorkerOptions): Promise<TestWorker> {
  const { home, play } = how;
  const host = how.host ?? HOST;
  const db = how.db ?? world.db;
  const workerId = await aWorker(db.sql, host);
  const deps: WorkDeps = {
    db,
    newId,
    workerId,
    leaseMs: how.leaseMs ?? 30_000,
    adapters: createAdapterRegistry([
      {
        ...scriptedAdapter(play),
        supportsLocalAgentJwt: how.mintRunToken !== undefined,
        ...(how.knowsSkills === true ? { listSkills: noSkills } : {}),
      },
    ]),
    runLogs: createLocalRunLogStore({ dir: join(home, "logs") }),
    runLogMaxBytes: 1_000_000,
    events: how.events ?? world.told.publisher,
    dispatcher: world.told.dispatcher,
    faults: noFaults,
    log: silentLog,
    location: { env: { WAKEFLEET_HOME: home }, userHome: home },
    gitProtocols: ["file"],
    secrets: { keyring: async () => TEST_KEYRING },
    maskOsUser: createOsUserRedactor({ names: ["ada"], homes: ["/home/ada"] }),
    mintRunToken: how.mintRunToken ?? null,
    spool: null,
    held: new HeldRuns(),
    caps: { ...NO_RUN_CAPS, ...how.caps },
    fullCaps: new FullCaps(),
    retries: { table: DEFAULT_RETRY_TABLE, random: () => 0.5 },
    budgetStops: { queue: world.told.runQueue(), control: world.told },
    onStopped: async () => ({ kind: "gone" }),
  };
  const recovery: RecoveryDeps = {
    db,
    newId,
    dispatcher: world.told.dispatcher,
    events: world.told.publisher,
    queue: world.told,
    log: silentLog,
    faults: noFaults,
    workerId,
    leaseMs: deps.leaseMs,
    adoptGraceMs: 120_000,
    host,
    keepsLocalChild: (adapterType) => adapterType === "process",
    databaseReachableForMs: () => 3_600_000,
    onAdopted: () => undefined,
    lookAtSpool: () => ({ kind: "none" }),
    forgetSpool: async () => undefined,
    mayTakeOver: () => true,
  };
  const claim: TestWorker["claim"] = async ({ id, agentId }) => (await claimRun(deps, { runId: id, agentId })).result;
  return {
    id: workerId,
    deps,
    recovery,
    claim,
    async mustClaim(run) {
      const result = await claim(run);
      if (result.kind !== "claimed") throw new Error(`run ${run.id} was not claimed but ${result.kind}`);
      return result.claimed;
    },
    work: ({ id, agentId }) => workRun(deps, { runId: id, agentId }),
  };
}

async function readRequest(sql: Sql, requestId: string): Promise<WakeupRow> {
  const [row] = await sql.query<WakeupRow>(
    `SELECT id, agent_id AS "agentId", status, reason, coalesced_count AS "coalescedCount", run_id AS "runId", payload,
            error, finished_at AS "finishedAt", claimed_at AS "claimedAt", issue_id AS "issueId",
            idempotency_key AS "idempotencyKey"
       FROM agent_wakeup_requests WHERE id = $1`,
    [requestId],
  );
  if (row === undefined) throw new Error(`no request ${requestId}`);
  return row;
}

/** Ends a run's lease, as if its worker had died long ago. */
export async function endLease(sql: Sql, runId: string, agoMs = 1_000): Promise<void> {
  await sql.query(
    "UPDATE heartbeat_runs SET lease_expires_at = clock_timestamp() - make_interval(secs => $2::float8 / 1000) WHERE id = $1",
    [runId, agoMs],
  );
}

/** How often something happened in the database. */
export async function countRows(sql: Sql, from: string, values: readonly unknown[] = []): Promise<number> {
  const [row] = await sql.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${from}`, values);
  return row?.count ?? 0;
}
