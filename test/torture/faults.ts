/**
 * Carries out the plan: each lane's faults one after the other, and everything undone at the end, so that what is still
 * wrong then is nobody's doing but the fleet's.
 */
import { setTimeout as delay } from "node:timers/promises";
import { waitUntilReady } from "@wakefleet/queue";
import { FleetHttp } from "../support/fleet-http.js";
import type { FleetProcess } from "../support/fleet-process.js";
import { FAULTS, type FaultKind, LANES, LEASE_MS, type Plan, type PlannedFault, planFaults } from "./schedule.js";
import type { World } from "./world.js";

/** A fault as it was carried out, by the harness's clock. */
export interface InjectedFault {
  readonly kind: FaultKind;
  readonly fromMs: number;
  readonly toMs: number;
  /** Who or what was chosen. */
  readonly detail: string;
}

/** Where a worker stumbles: at each of these a step is done and the next one is not. */
const WORKER_STUMBLES = [
  "after-claim-before-execute:kill:2",
  `after-claim-before-execute:block=${2.5 * LEASE_MS}:2`,
  "after-start-before-spawn:kill:2",
  `after-start-before-spawn:block=${2.5 * LEASE_MS}:2`,
  "after-child-exit-before-finish:kill:2",
  `after-child-exit-before-finish:block=${2.5 * LEASE_MS}:2`,
  "after-finish-before-job-end:kill:2",
  `after-finish-before-job-end:block=${2.5 * LEASE_MS}:2`,
  "after-enqueue-before-mark:kill",
  `before-lease-renewal:delay=${2 * LEASE_MS}:4`,
] as const;
const API_STUMBLES = [
  "after-commit-before-enqueue:kill:5",
  "after-enqueue-before-mark:kill:5",
  "after-commit-before-enqueue:delay=3000",
  "after-cancel-before-job-removal:kill",
] as const;
/** Memory Redis is left with when it is "full": less than it uses. */
const NO_MEMORY = "1";
const LIMITS = [1, 2, 3, 4] as const;
/** How long a fault waits for its victims to be enough. */
const SERVING_WITHIN_MS = 20_000;
/** How long the harness waits for its own connection to a Redis that was started again. */
const REDIS_BACK_WITHIN_MS = 60_000;
/** From SIGTERM to SIGKILL. */
const STOP_PATIENCE_MS = 20_000;

/** Picks by a number in [0, 1). */
function chosen<T>(items: readonly T[], dice: number): T | undefined {
  return items[Math.floor(dice * items.length)];
}

export class Torment {
  readonly injected: InjectedFault[] = [];
  private readonly abort = new AbortController();
  private readonly unfinished = new Map<string, () => unknown>();

  constructor(
    private readonly world: World,
    private readonly onFault: (fault: InjectedFault) => void,
  ) {}

  /** Carries the plan out. Resolves when every lane is through, or soon after {@link stop}. */
  async run(plan: Plan): Promise<void> {
    const startedAt = performance.now();
    const lanes = planFaults(plan);
    await Promise.all(LANES.map((lane) => this.play(lanes[lane], { startedAt, lengthMs: plan.minutes * 60_000 })));
  }

  stop(): void {
    this.abort.abort();
  }

  /** A lane that is late keeps the rests between its faults, and leaves out what would come after the end. */
  private async play(
    faults: readonly PlannedFault[],
    { startedAt, lengthMs }: { startedAt: number; lengthMs: number },
  ): Promise<void> {
    let lateMs = 0;
    for (const fault of faults) {
      await this.rest(fault.atMs + lateMs - (performance.now() - startedAt));
      const nowMs = performance.now() - startedAt;
      if (this.abort.signal.aborted || nowMs >= lengthMs) return;
      lateMs = Math.max(lateMs, nowMs - fault.atMs);
      await this.inject(fault);
    }
  }

  /** Undoes whatever is still under way: stores up and open, disk free, processes going on. */
  async calm(): Promise<void> {
    for (const undo of this.unfinished.values()) await undo();
    this.unfinished.clear();
    this.world.nextFaults.worker = null;
    this.world.nextFaults.api = null;
  }

  private async inject(fault: PlannedFault): Promise<void> {
    const fromMs = Date.now();
    const detail = await this[LANE_METHODS[FAULTS[fault.kind].lane]](fault).catch(failedToInject);
    const done = { kind: fault.kind, fromMs, toMs: Date.now(), detail };
    this.injected.push(done);
    this.onFault(done);
  }

  /** Begins something that {@link calm} ends, should this lane not come to it. */
  private async during(fault: PlannedFault, steps: { begin(): unknown; end(): unknown }): Promise<void> {
    this.unfinished.set(fault.kind, () => steps.end());
    await steps.begin();
    await this.rest(fault.forMs);
    await steps.end();
    this.unfinished.delete(fault.kind);
  }

  private async rest(ms: number): Promise<void> {
    await delay(Math.max(0, ms), undefined, { signal: this.abort.signal }).catch((error: unknown) => {
      if (!this.abort.signal.aborted) throw error;
    });
  }

  async onWorkers(fault: PlannedFault): Promise<string> {
    const { world } = this;
    if (fault.kind === "rolling-restart") return this.rollingRestart();
    const worker = chosen(await this.enough(() => world.workers()), fault.dice[0]);
    if (worker === undefined) return "too few workers serve";
    switch (fault.kind) {
      case "kill-worker":
        await this.end(worker, "SIGKILL");
        return worker.name;
      case "kill-worker-and-agents": {
        const agents = await this.agentsOf(worker);
        await this.end(worker, "SIGKILL");
        for (const pid of agents) killGroup(pid);
        return `${worker.name} and ${agents.length} agents`;
      }
      case "stop-worker":
        await this.end(worker, "SIGTERM");
        return worker.name;
      case "stop-worker-twice":
        await this.end(worker, "SIGTERM");
        await this.rest(300);
        worker.signal("SIGTERM");
        return worker.name;
      case "pause-worker":
        await this.during(fault, { begin: () => worker.pause(), end: () => worker.resume() });
        return `${worker.name} for ${fault.forMs} ms`;
      case "stumble-worker": {
        const stumble = chosen(WORKER_STUMBLES, fault.dice[1]) ?? WORKER_STUMBLES[0];
        world.nextFaults.worker = stumble;
        await this.end(worker, "SIGTERM");
        return `the successor of ${worker.name}: ${stumble}`;
      }
      default:
        world.nextFaults.worker = `before-lease-renewal:block=${2.5 * LEASE_MS}:3`;
        await this.end(worker, "SIGTERM");
        return `the successor of ${worker.name}`;
    }
  }

  /** Waits until at least two serve, so that one is left: a fleet without any proves little. */
  private async enough<T>(serving: () => readonly T[]): Promise<readonly T[]> {
    const deadline = performance.now() + SERVING_WITHIN_MS;
    while (serving().length < 2 && performance.now() < deadline && !this.abort.signal.aborted) await this.rest(200);
    return serving().length < 2 ? [] : serving();
  }

  async onApis(fault: PlannedFault): Promise<string> {
    const { world } = this;
    const api = chosen(await this.enough(() => world.apis()), fault.dice[0])?.process;
    if (api === undefined) return "too few APIs serve";
    switch (fault.kind) {
      case "kill-api":
        await this.end(api, "SIGKILL");
        return api.name;
      case "stop-api":
        await this.end(api, "SIGTERM");
        return api.name;
      case "pause-api":
        await this.during(fault, { begin: () => api.pause(), end: () => api.resume() });
        return `${api.name} for ${fault.forMs} ms`;
      default: {
        const stumble = chosen(API_STUMBLES, fault.dice[1]) ?? API_STUMBLES[0];
        world.nextFaults.api = stumble;
        await this.end(api, "SIGTERM");
        return `the successor of ${api.name}: ${stumble}`;
      }
    }
  }

  async onRedis(fault: PlannedFault): Promise<string> {
    const { fleet, redisProxy } = this.world;
    const away = `${fault.forMs} ms`;
    switch (fault.kind) {
      case "redis-crash":
      case "redis-lost":
        await this.during(fault, {
          begin: () => fleet.stores.stopRedis("crash"),
          end: () => fleet.stores.startRedis({ empty: fault.kind === "redis-lost" }),
        });
        return away;
      case "redis-flush":
        await (await this.openRedis()).flushall();
        return "";
      case "redis-full":
        await this.during(fault, {
          begin: async () => (await this.openRedis()).config("SET", "maxmemory", NO_MEMORY),
          end: async () => (await this.openRedis()).config("SET", "maxmemory", "0"),
        });
        return away;
      case "redis-cut":
        redisProxy.cut();
        return "";
      case "redis-stall":
        await this.during(fault, { begin: () => redisProxy.stall(), end: () => redisProxy.restore() });
        return away;
      default:
        await this.during(fault, { begin: () => redisProxy.blackhole(), end: () => redisProxy.restore() });
        return away;
    }
  }

  /** The harness's own connection, which a Redis that has just come back may not have yet. */
  private async openRedis(): Promise<World["fleet"]["redis"]> {
    const { redis } = this.world.fleet;
    await waitUntilReady(redis, REDIS_BACK_WITHIN_MS);
    return redis;
  }

  async onPostgres(fault: PlannedFault): Promise<string> {
    const { fleet, postgresProxy } = this.world;
    const away = `${fault.forMs} ms`;
    switch (fault.kind) {
      case "postgres-crash":
        await this.during(fault, {
          begin: () => fleet.stores.stopPostgres("immediate"),
          end: () => fleet.stores.startPostgres(),
        });
        return away;
      case "postgres-terminate": {
        const rows = await fleet.db.sql.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
        return `${rows.length} backends`;
      }
      case "postgres-cut":
        postgresProxy.cut();
        return "";
      case "postgres-stall":
        await this.during(fault, { begin: () => postgresProxy.stall(), end: () => postgresProxy.restore() });
        return away;
      default:
        await this.during(fault, { begin: () => postgresProxy.blackhole(), end: () => postgresProxy.restore() });
        return away;
    }
  }

  async onDisk(fault: PlannedFault): Promise<string> {
    const { disk } = this.world;
    if (disk === null) return "left out: no small disk could be mounted";
    await this.during(fault, { begin: () => disk.fill(), end: () => disk.free() });
    return `${fault.forMs} ms`;
  }

  async onAgents(fault: PlannedFault): Promise<string> {
    const execution = chosen(this.world.witness.open(), fault.dice[0]);
    if (execution === undefined) return "nobody works";
    killGroup(execution.pid);
    return `run ${execution.runId}`;
  }

  async onOperators(fault: PlannedFault): Promise<string> {
    const { world } = this;
    const api = chosen(world.apis(), fault.dice[0]);
    if (api === undefined) return "no API serves";
    const http = new FleetHttp(api.url, world.fleet.adminKey);
    try {
      return await this.operate(http, fault);
    } catch (error) {
      // An operator's request fails like anybody's while the API or PostgreSQL is away.
      return failedToInject(error);
    }
  }

  private async operate(http: FleetHttp, fault: PlannedFault): Promise<string> {
    const { agents, owners, issueIds, witness, fleet } = this.world;
    const everybody = [...agents, ...owners];
    switch (fault.kind) {
      case "change-limit": {
        const agent = chosen(everybody, fault.dice[1]) ?? everybody[0];
        const limit = chosen(LIMITS, (fault.dice[1] * 97) % 1) ?? 1;
        if (agent === undefined) return "no agent";
        witness.noteLimit({ kind: "limit-asked", agentId: agent.id, limit, atMs: Date.now() });
        const runtimeConfig = { heartbeat: { maxConcurrentRuns: limit } };
        const { status } = await http.patch(`/api/agents/${agent.id}`, { runtimeConfig });
        if (status === 200) witness.noteLimit({ kind: "limit-set", agentId: agent.id, limit, atMs: Date.now() });
        return `${agent.name}: ${limit}, answered ${status}`;
      }
      case "pause-agent": {
        const agent = chosen(everybody, fault.dice[1]);
        await this.during(fault, {
          begin: () => http.post(`/api/agents/${agent?.id}/pause`),
          end: () => http.post(`/api/agents/${agent?.id}/resume`).catch(() => undefined),
        });
        return `${agent?.name} for ${fault.forMs} ms`;
      }
      case "cancel-run": {
        const rows = await fleet.db.sql.query<{ id: string }>(
          "SELECT id FROM heartbeat_runs WHERE status IN ('queued','scheduled_retry','running') ORDER BY id",
        );
        const run = chosen(rows, fault.dice[1]);
        if (run === undefined) return "nothing to cancel";
        const { status } = await http.post(`/api/heartbeat-runs/${run.id}/cancel`);
        return `run ${run.id}, answered ${status}`;
      }
      default: {
        const issueId = chosen(issueIds, fault.dice[1]);
        const owner = chosen(owners, (fault.dice[1] * 97) % 1);
        const { status } = await http.patch(`/api/issues/${issueId}`, { status: "todo", assigneeAgentId: owner?.id });
        return `${issueId} to ${owner?.name}, answered ${status}`;
      }
    }
  }

  private async end(process: FleetProcess, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.world.expectEnd(process, signal === "SIGKILL" ? "when-gone" : "at-once");
    process.signal(signal);
    if (signal === "SIGKILL") await process.ended;
    else void killIfItStays(process);
  }

  private async rollingRestart(): Promise<string> {
    const old = this.world.workers();
    for (const worker of old) {
      await this.end(worker, "SIGTERM");
      await Promise.race([worker.ended, this.rest(STOP_PATIENCE_MS)]);
      await this.enough(() => this.world.workers());
    }
    return old.map((worker) => worker.name).join(", ");
  }

  /** Process ids of the agents a worker has under way, by the database. */
  private async agentsOf(worker: FleetProcess): Promise<number[]> {
    try {
      const rows = await this.world.fleet.db.sql.query<{ pid: number }>(
        `SELECT r.process_pid AS pid FROM heartbeat_runs r JOIN workers w ON w.id = r.worker_id
          WHERE w.pid = $1 AND r.status = 'running' AND r.process_pid IS NOT NULL`,
        [worker.pid],
      );
      return rows.map((row) => row.pid);
    } catch {
      // PostgreSQL is away: the worker alone is killed.
      return [];
    }
  }
}

const LANE_METHODS = {
  workers: "onWorkers",
  apis: "onApis",
  redis: "onRedis",
  postgres: "onPostgres",
  disk: "onDisk",
  agents: "onAgents",
  operators: "onOperators",
} as const;

/** Told with the fault: what could not be done breaks nothing, and what it has begun is undone at the end. */
function failedToInject(error: unknown): string {
  return `failed: ${error instanceof Error ? error.message : String(error)}`;
}

/** Whoever runs processes loses patience at some time. */
async function killIfItStays(process: FleetProcess): Promise<void> {
  const patience = delay(STOP_PATIENCE_MS, undefined, { ref: false });
  await Promise.race([process.ended, patience]);
  await process.kill();
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
