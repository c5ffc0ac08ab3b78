/**
 * The fleet under torture: two APIs and three workers behind proxies to stores of their own, a company with agents of
 * several tempers, issues, and a second company that must see nothing of the first. Processes that end are started again,
 * as whoever runs them would.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TcpProxy } from "@wakefleet/testkit";
import { type Fleet, startFleet } from "../support/fleet.js";
import type { FleetProcess } from "../support/fleet-process.js";
import { createAgent, createCompany } from "../support/fleet-work.js";
import { throughPort } from "../support/through-port.js";
import { LEASE_MS } from "./schedule.js";
import { type AgentBehaviour, TortureWitness } from "./witness.js";

const WORKERS = 3;
const APIS = 2;
/** Room for the logs of a fleet whose disk can be filled. */
const DISK = "16m";
const RESTART_AFTER_MS = 400;

interface Temper extends AgentBehaviour {
  readonly name: string;
  readonly limit: number;
}

const TEMPERS: readonly Temper[] = [
  { name: "Quick", shortestMs: 0, longestMs: 60, how: "well", limit: 2 },
  { name: "Quicker", shortestMs: 0, longestMs: 20, how: "well", limit: 1 },
  { name: "Steady", shortestMs: 100, longestMs: 1_200, how: "well", limit: 3 },
  { name: "Single", shortestMs: 50, longestMs: 700, how: "well", limit: 1 },
  { name: "Slow", shortestMs: LEASE_MS, longestMs: 3.5 * LEASE_MS, how: "well", limit: 2 },
  { name: "Flaky", shortestMs: 20, longestMs: 500, how: "flaky", limit: 2 },
  { name: "Stubborn", shortestMs: 300, longestMs: 2 * LEASE_MS, how: "stubborn", limit: 1 },
];
const OWNERS: readonly Temper[] = [
  { name: "Owner", shortestMs: 50, longestMs: 600, how: "well", limit: 2 },
  { name: "Other owner", shortestMs: 50, longestMs: 1_500, how: "well", limit: 1 },
  { name: "Flaky owner", shortestMs: 50, longestMs: 500, how: "flaky", limit: 2 },
];
const ISSUES = 6;

export interface TorturedAgent {
  readonly id: string;
  readonly name: string;
  /** Wakes per second it is meant to get, so that its backlog stays bounded. */
  readonly rate: number;
}

export interface World {
  readonly fleet: Fleet;
  readonly companyId: string;
  readonly agents: readonly TorturedAgent[];
  /** Agents that own issues. */
  readonly owners: readonly TorturedAgent[];
  readonly issueIds: readonly string[];
  readonly witness: TortureWitness;
  /** An operator's key of another company. */
  readonly strangerKey: string;
  readonly redisProxy: TcpProxy;
  readonly postgresProxy: TcpProxy;
  /** Null where no small disk could be mounted. */
  readonly disk: SmallDisk | null;
  /** Processes that ended though nobody made them: name and last words. */
  readonly crashes: string[];
  /** Environment and fault plan of the next worker or API that is started in place of one that ends. */
  nextFaults: { worker: string | null; api: string | null };
  /** Living workers and APIs that serve. */
  workers(): FleetProcess[];
  apis(): ServingApi[];
  /** Says that a process is about to be ended by the harness; its successor is started `atOnce` or when it is gone. */
  expectEnd(process: FleetProcess, successor: "at-once" | "when-gone"): void;
  /** Ends and removes everything. */
  stop(): Promise<void>;
}

export interface ServingApi {
  readonly process: FleetProcess;
  readonly url: string;
}

/** A file system of a few megabytes for run logs. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Null where it cannot be mounted: that takes Linux and root. */
  static mount(folder: string): SmallDisk | null {
    mkdirSync(folder, { recursive: true });
    const done = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK},mode=0777`, "tmpfs", folder], {
      stdio: "ignore",
    });
    return done.status === 0 ? new SmallDisk(folder) : null;
  }

  fill(): void {
    const { bavail, bsize } = statfsSync(this.folder);
    try {
      writeFileSync(join(this.folder, "filler"), Buffer.alloc(bavail * bsize));
    } catch (error) {
      // Somebody else took the last block: it is full all the same.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  free(): void {
    rmSync(join(this.folder, "filler"), { force: true });
  }

  unmount(): void {
    spawnSync("umount", ["-l", this.folder], { stdio: "ignore" });
  }
}

/** Starts everything. `onCrash` is told of each process that ends by itself. */
export async function openWorld(): Promise<World> {
  const fleet = await startFleet({ apis: 0, workers: 0, stores: "private" });
  const undo: (() => unknown)[] = [() => fleet.stop()];
  try {
    const [redisProxy, postgresProxy] = await Promise.all([
      TcpProxy.open(Number(new URL(fleet.redisUrl).port)),
      TcpProxy.open(Number(new URL(fleet.databaseUrl).port)),
    ]);
    undo.push(() => Promise.all([redisProxy.close(), postgresProxy.close()]));
    const disk = SmallDisk.mount(join(fleet.scratch, "disk"));
    if (disk !== null) undo.unshift(() => disk.unmount());
    const keeper = new Keeper(fleet, {
      DATABASE_URL: throughPort(fleet.databaseUrl, postgresProxy.port),
      REDIS_URL: throughPort(fleet.redisUrl, redisProxy.port),
      PROCESS_ADOPT_GRACE_MS: "4000",
      DRAIN_TIMEOUT_MS: "4000",
      SHUTDOWN_TIMEOUT_MS: "2000",
      SWEEP_INTERVAL_MS: "1000",
      RETRY_DELAYS_MS: "1000,2000",
      LEASE_MS: String(LEASE_MS),
      WORKER_CONCURRENCY: "8",
      ...(disk === null ? {} : { RUN_LOG_DIR: disk.folder }),
    });
    undo.unshift(() => keeper.stop());
    await keeper.start();
    const settled = await settle(fleet);
    return {
      fleet,
      ...settled,
      redisProxy,
      postgresProxy,
      disk,
      crashes: keeper.crashes,
      nextFaults: keeper.nextFaults,
      workers: () => keeper.workers(),
      apis: () => keeper.apis(),
      expectEnd: (one, successor) => keeper.expectEnd(one, successor),
      stop: () => undoAll(undo),
    };
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

async function undoAll(undo: readonly (() => unknown)[]): Promise<void> {
  for (const step of undo) await step();
}

/** The companies, agents and issues. */
async function settle(
  fleet: Fleet,
): Promise<Pick<World, "companyId" | "agents" | "owners" | "issueIds" | "witness" | "strangerKey">> {
  const witness = new TortureWitness(fleet.scratch);
  const companyId = await createCompany(fleet, "Tortured");
  const make = async (temper: Temper): Promise<TorturedAgent> => {
    const { name, limit } = temper;
    const adapterConfig = witness.agentConfig(temper);
    const id = await createAgent(fleet, { companyId, name, adapterConfig, heartbeat: { maxConcurrentRuns: limit } });
    witness.expect(id);
    witness.noteLimit({ kind: "limit-set", agentId: id, limit, atMs: 0 });
    const longestPerRunMs = (temper.shortestMs + temper.longestMs) / 2 + 100;
    return { id, name, rate: Math.min(2, (0.4 * limit * 1_000) / longestPerRunMs) };
  };
  const [agents, owners] = await Promise.all([Promise.all(TEMPERS.map(make)), Promise.all(OWNERS.map(make))]);
  const issueIds: string[] = [];
  for (let index = 0; index < ISSUES; index += 1) {
    const { status, body } = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, {
      title: `Task ${index}`,
      status: "backlog",
    });
    if (status !== 201) throw new Error(`creating an issue answered ${status}: ${JSON.stringify(body)}`);
    witness.expect(body.id);
    issueIds.push(body.id);
  }
  for (const [index, issueId] of issueIds.entries()) {
    const assigneeAgentId = owners[index % owners.length]?.id;
    const { status, body } = await fleet.http.patch(`/api/issues/${issueId}`, { status: "todo", assigneeAgentId });
    if (status !== 200) throw new Error(`assigning an issue answered ${status}: ${JSON.stringify(body)}`);
  }
  return { companyId, agents, owners, issueIds, witness, strangerKey: await makeStranger(fleet) };
}

/** An operator's key of another company. */
async function makeStranger(fleet: Fleet): Promise<string> {
  const companyId = await createCompany(fleet, "Stranger");
  const { status, body } = await fleet.http.post<{ token: string }>("/api/keys", {
    scope: "operator",
    name: "stranger",
    companyId,
  });
  if (status !== 201) throw new Error(`making a key answered ${status}: ${JSON.stringify(body)}`);
  return body.token;
}

/** Keeps the wanted number of processes alive, and notices those that ended by themselves. */
class Keeper {
  readonly crashes: string[] = [];
  readonly nextFaults: { worker: string | null; api: string | null } = { worker: null, api: null };
  private readonly expected = new Set<FleetProcess>();
  /** How each living process is started again; taken by whoever does so. */
  private readonly successors = new Map<FleetProcess, () => Promise<void>>();
  private readonly serving = new Set<FleetProcess>();
  private readonly apiIndexes = new Map<FleetProcess, number>();
  private stopped = false;

  constructor(
    private readonly fleet: Fleet,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  async start(): Promise<void> {
    for (let index = 0; index < APIS; index += 1) await this.startApi();
    await Promise.all(Array.from({ length: WORKERS }, () => this.startWorker()));
  }

  stop(): void {
    this.stopped = true;
  }

  workers(): FleetProcess[] {
    return this.fleet.workers.filter((one) => this.serving.has(one));
  }

  apis(): ServingApi[] {
    return this.fleet.apis.flatMap((process) => {
      const index = this.apiIndexes.get(process);
      return index === undefined || !this.serving.has(process) ? [] : [{ process, url: this.fleet.apiUrlOf(index) }];
    });
  }

  expectEnd(process: FleetProcess, successor: "at-once" | "when-gone"): void {
    this.expected.add(process);
    // It serves until it is gone, but nobody should choose it again.
    this.serving.delete(process);
    if (successor === "at-once") void this.replace(process);
  }

  private async startWorker(): Promise<void> {
    const faults = this.nextFaults.worker;
    this.nextFaults.worker = null;
    const worker = await this.fleet.startWorker({ env: this.envWith(faults) });
    this.watch(worker, { mayDie: faults !== null, again: () => this.startWorker() });
  }

  private async startApi(): Promise<void> {
    const faults = this.nextFaults.api;
    this.nextFaults.api = null;
    const index = await this.fleet.startApi({ env: this.envWith(faults) });
    const api = this.fleet.apis[index];
    if (api === undefined) throw new Error("the API that was started is not there");
    this.apiIndexes.set(api, index);
    this.watch(api, { mayDie: faults !== null, again: () => this.startApi() });
  }

  private envWith(faults: string | null): Record<string, string> {
    return { ...this.env, ...(faults === null ? {} : { WAKEFLEET_FAULTS: faults }) };
  }

  private watch(process: FleetProcess, { mayDie, again }: { mayDie: boolean; again: () => Promise<void> }): void {
    this.serving.add(process);
    this.successors.set(process, again);
    void process.ended.then(async (end) => {
      this.serving.delete(process);
      if (this.stopped) return;
      const byFault = mayDie && "signal" in end && end.signal === "SIGKILL";
      if (!this.expected.has(process) && !byFault) {
        this.crashes.push(`${process.name} ended by itself (${JSON.stringify(end)}): ${process.lastWords(1_500)}`);
      }
      await delay(RESTART_AFTER_MS);
      await this.replace(process);
    });
  }

  /** Starts it again and again until it serves: a store may be away. */
  private async replace(process: FleetProcess): Promise<void> {
    const again = this.successors.get(process);
    this.successors.delete(process);
    while (!this.stopped && again !== undefined) {
      try {
        await again();
        return;
      } catch {
        // It says why in its log; whoever runs processes tries again.
        await delay(RESTART_AFTER_MS);
      }
    }
  }
}
