/**
 * A worker process, put together: it registers itself, serves every agent's queue, renews its leases, relays the outbox,
 * looks after the runs of its host, takes part in the fleet's sweeps, and lets go in order when it is told to stop (PL-5).
 *
 * Modes: `serving` → `draining` (claims nothing more, runs end) → `stopped`. A second stop ends it at once.
 */
import { randomUUID } from "node:crypto";
import { readlinkSync } from "node:fs";
import { homedir } from "node:os";
import {
  type AdapterRegistry,
  createSpool,
  createTreeMeter,
  loadAdapterRegistry,
  runFolders,
  type Spool,
} from "@wakefleet/adapters";
import { type Config, createFaultPoints } from "@wakefleet/config";
import {
  type AdoptedRun,
  AdoptedRuns,
  createEngine,
  createLeaseKeeper,
  createMoneyBrake,
  createSecretsAccess,
  createTreeWatch,
  deleteOldLogs,
  FullCaps,
  forgetEndedRuns,
  HeldRuns,
  handOver,
  type JobVerdict,
  type Log,
  mintRunToken,
  newId,
  type RecoveryDeps,
  rebuildQueues,
  recoverOrphansOfHost,
  relayOutbox,
  takeRunOver,
  type WorkDeps,
  workRun,
} from "@wakefleet/engine";
import {
  AgentQueues,
  connectRedis,
  createFleetConsumer,
  createLiveEventPublisher,
  createMaintenance,
  type FleetJob,
  subscribeControl,
  watchEpoch,
} from "@wakefleet/queue";
import { createLocalRunLogStore, createOsUserRedactor, osUserOf } from "@wakefleet/run-logs";
import { findRun, openDatabase, readQueueEpoch, registerWorker, withFleetLock } from "@wakefleet/store";
import { createMetrics } from "@wakefleet/telemetry";
import { type BackgroundLoop, startBackgroundLoop } from "./background-loop.js";
import { readHost } from "./host.js";
import { createHostPressureWatch } from "./host-pressure.js";
import { publishMetrics } from "./publish-metrics.js";
import { RETENTION_EVERY_MS, STRANDED_WORK_SWEEP } from "./recovery-sweeps.js";
import { CLAIM_LABELS, countEnd } from "./run-metrics.js";
import { refuseEvictingRedis, refuseForeignKey } from "./start-checks.js";
import { stopWorker } from "./stop-worker.js";
import { workerSweeps } from "./sweeps.js";
import { VERSION } from "./version.js";

export interface WorkerOptions {
  readonly config: Config;
  readonly log: Log;
  /** Tests give their own; absent: the adapters that ship. */
  readonly adapters?: AdapterRegistry;
  /** The environment children inherit from (AD-52). */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface RunningWorker {
  readonly workerId: string;
  /** PL-5. `terminate`: the worker goes for good and leaves no child running. */
  stop(options: { terminate: boolean }): Promise<void>;
}

const RENEWALS_A_LEASE = 3;
const RELAY_EVERY_MS = 1_000;
/**
 * Between looks at a queue with active jobs. A worker that died after it had ended a run and before it had told the queue
 * is noticed by nothing else, and keeps the agent's slot until then.
 */
const LONGEST_ATTENTION_MS = 10_000;
const HOST_ORPHANS_EVERY_MS = 1_000;
const TREE_LOOK_EVERY_MS = 2_000;
const BRAKE_LOOK_EVERY_MS = 1_000;
const HOST_LOOK_EVERY_MS = 1_000;
const MIB = 1024 * 1024;
const ADOPTED_LOOK_EVERY_MS = 500;
const EPOCH_LOOK_EVERY_MS = 1_000;

/** Starts a worker. Rejects when PostgreSQL cannot be reached, or when Redis may drop jobs (its eviction policy). */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, log } = options;
  const workerId = randomUUID();
  const host = readHost(readlinkSync, config.workerHostname ?? undefined);
  const metrics = createMetrics({ perAgent: false });
  const faults = createFaultPoints(config.faults);
  const adapters = options.adapters ?? (await loadAdapterRegistry(config.adapterPackages));
  const db = openDatabase({
    url: config.databaseUrl,
    maxConnections: config.dbPoolMax,
    applicationName: `wakefleet-worker-${workerId.slice(0, 8)}`,
    onIdleError: (error) => log.warn({ event: "postgres.idle_error", err: error }, "an idle connection ended"),
  });
  const secrets = createSecretsAccess({ db, settings: config });
  await refuseForeignKey({ secrets, db, log });
  await registerWorker(db.sql, {
    id: workerId,
    ...host,
    pid: process.pid,
    version: VERSION,
    capacity: config.workerConcurrency,
  });

  const redis = connectRedis({ url: config.redisUrl, name: `wakefleet:worker:${workerId}`, log });
  await refuseEvictingRedis(redis, log);
  const queues = new AgentQueues({ redis, prefix: config.redisPrefix, log });
  const events = createLiveEventPublisher({ redis, prefix: config.redisPrefix, log });
  const engine = createEngine({ db, queues, events, faults, log });
  const held = new HeldRuns();
  const spool = openSpool();
  const takenOver = new Set<Promise<void>>();
  let isStopping = false;

  let reachableSinceMs: number | null = performance.now();
  const recovery: RecoveryDeps = {
    db,
    newId,
    dispatcher: engine.dispatcher,
    events,
    queue: engine.queue,
    log,
    faults,
    workerId,
    leaseMs: config.leaseMs,
    adoptGraceMs: config.processAdoptGraceMs,
    host,
    keepsLocalChild: (adapterType) => adapters.resolve(adapterType).spawnsLocalProcess === true,
    databaseReachableForMs: () => (reachableSinceMs === null ? 0 : performance.now() - reachableSinceMs),
    onAdopted(run) {
      if (!run.isSpooled) adopted.add(run);
      else track(takeOver(run));
    },
    lookAtSpool: (runId) => spool?.look(runId) ?? { kind: "none" },
    forgetSpool: async (runId) => spool?.remove(runId),
    mayTakeOver: () => !isStopping,
    onLost: () => metrics.processLosses.inc(),
  };
  const adopted = new AdoptedRuns(recovery);

  const work: WorkDeps = {
    db,
    newId,
    workerId,
    leaseMs: config.leaseMs,
    adapters,
    runLogs: createLocalRunLogStore({ dir: config.runLogDir }),
    runLogMaxBytes: config.runLogMaxBytes,
    events,
    dispatcher: engine.dispatcher,
    faults,
    log,
    location: { env: options.env, userHome: homedir() },
    gitProtocols: config.workspaceGitProtocols,
    secrets,
    spool,
    maskOsUser: createOsUserRedactor(osUserOf(options.env)),
    mintRunToken: (claims) => mintRunToken({ secret: config.authSecret, claims, now: new Date() }),
    held,
    caps: {
      account: config.accountMaxRuns || null,
      host: config.hostMaxRuns || null,
      fleet: config.fleetMaxRuns || null,
      staggerMs: config.accountStaggerMs,
    },
    fullCaps: new FullCaps(),
    summaryPathRoots: config.summaryPathRoots,
    retries: { table: { delaysMs: config.retryDelaysMs, jitter: config.retryJitter }, random: Math.random },
    budgetStops: { queue: engine.queue, control: engine.queue },
    onClaim: (result) => metrics.claims.inc({ result: CLAIM_LABELS[result] }),
    onEnded: (ended) => countEnd({ metrics, adapters }, ended),
    onStopped: async (runId): Promise<JobVerdict> => {
      const error = await handOver(recovery, runId);
      return error === null ? { kind: "gone" } : { kind: "failed", error };
    },
  };

  const leases = createLeaseKeeper({
    db,
    held,
    workerId,
    leaseMs: config.leaseMs,
    renewEveryMs: Math.floor(config.leaseMs / RENEWALS_A_LEASE),
    adoptGraceMs: config.processAdoptGraceMs,
    faults,
    log,
    adopted,
    onRenewal(renewed) {
      metrics.leaseRenewals.inc({ result: renewed ? "renewed" : "failed" });
      if (!renewed) reachableSinceMs = null;
      else reachableSinceMs ??= performance.now();
    },
  });

  const consumer = createFleetConsumer({
    queues,
    consumerId: workerId,
    capacity: config.workerConcurrency,
    startsPerSecond: config.startsPerSecond,
    attentionMs: Math.min(LONGEST_ATTENTION_MS, config.leaseMs),
    log,
    onJob(job: FleetJob) {
      metrics.queueWait.observe({ adapter_type: "all" }, Math.max(0, Date.now() - job.addedAtMs) / 1000);
      return workRun(work, { runId: job.runId, agentId: job.agentId });
    },
    async onOrphan({ runId }) {
      const run = await findRun(db.sql, runId);
      if (run === null || run.finishedAt !== null) return { kind: "gone" };
      // A running run's job is freed by whoever ends the run; a waiting one was never started.
      return run.status === "running" ? { kind: "keep" } : { kind: "putBack" };
    },
  });

  const control = subscribeControl({
    queues,
    name: `wakefleet:control:${workerId}`,
    onMessage(message) {
      if (message.kind === "resumed") {
        consumer.beginPace();
        return;
      }
      if (message.workerId !== null && message.workerId !== workerId) return;
      if (held.get(message.runId) !== undefined || adopted.size > 0) void leases.renewOnce();
    },
  });

  const sweeps = workerSweeps({ deps: recovery, runLogs: work.runLogs, config, metrics });
  const maintenance = createMaintenance({ queues, sweeps });

  const lookAtTrees = createTreeWatch({
    db,
    held,
    meter: createTreeMeter(),
    limits: {
      processes: config.runMaxProcesses || null,
      memoryBytes: config.runMaxMemoryMb === 0 ? null : config.runMaxMemoryMb * MIB,
    },
    log,
  });

  const lookAtMoney = createMoneyBrake({
    db,
    newId,
    events,
    dispatcher: engine.dispatcher,
    queue: engine.queue,
    control: engine.queue,
    log,
    held,
    workerId,
    seeCancels: () => leases.renewOnce(),
  });

  const lookAtHost = createHostPressureWatch({
    limits: {
      minMemoryShare: config.hostMinMemoryPercent === 0 ? null : config.hostMinMemoryPercent / 100,
      maxLoadPerCore: config.hostMaxLoadPerCore || null,
    },
    consumer,
    isStopping: () => isStopping,
    log,
  });
  await quietly("look at the host", lookAtHost);

  const relay = { db, queue: engine.queue, faults };
  const loops: BackgroundLoop[] = [
    startBackgroundLoop({ name: "outbox", everyMs: RELAY_EVERY_MS, run: () => relayOutbox(relay), log }),
    startBackgroundLoop({
      name: "host-orphans",
      everyMs: HOST_ORPHANS_EVERY_MS,
      run: () => recoverOrphansOfHost(recovery),
      log,
    }),
    startBackgroundLoop({ name: "money-brake", everyMs: BRAKE_LOOK_EVERY_MS, run: lookAtMoney, log }),
    startBackgroundLoop({ name: "process-trees", everyMs: TREE_LOOK_EVERY_MS, run: lookAtTrees, log }),
    startBackgroundLoop({ name: "host-pressure", everyMs: HOST_LOOK_EVERY_MS, run: lookAtHost, log }),
    startBackgroundLoop({ name: "adopted", everyMs: ADOPTED_LOOK_EVERY_MS, run: () => adopted.look(), log }),
    startBackgroundLoop({
      name: "ended-runs",
      everyMs: config.sweepIntervalMs,
      run: () => forgetEndedRuns({ db, places: spool === null ? [runFolders] : [runFolders, spool] }),
      log,
    }),
    publishMetrics({ queues, workerId, metrics, log }),
    ...(config.retentionRunLogsDays === 0 ? [] : [keepLogsToTheirAge(config.retentionRunLogsDays)]),
  ];

  const epoch = watchEpoch({
    queues,
    expected: () => readQueueEpoch(db.sql, randomUUID()),
    withLock: (task) => db.transaction((tx) => withFleetLock(tx, "rebuild-queues", task)),
    async rebuild() {
      await rebuildQueues({ ...relay, log });
      await maintenance.ensure();
      await maintenance.runNow(STRANDED_WORK_SWEEP);
    },
    intervalMs: EPOCH_LOOK_EVERY_MS,
  });

  leases.start();
  maintenance.start();
  void quietly("look for stranded work", () => maintenance.runNow(STRANDED_WORK_SWEEP));
  await consumer.start();
  log.info({ event: "worker.started", workerId, ...host, capacity: config.workerConcurrency }, "worker serves");
  void events.publish([workerStatus("started")]);

  const parts = {
    workerId,
    drainTimeoutMs: config.drainTimeoutMs,
    log,
    db,
    redis,
    held,
    adopted,
    takenOver,
    consumer,
    loops,
    epoch,
    maintenance,
    engine,
    leases,
    control,
    spool,
    quietly,
    announce: (state: "draining" | "stopped") => events.publish([workerStatus(state)]),
  };
  let stopping: Promise<void> | null = null;

  /** BY-9; without one (off, or not to be had on this system) children end with their worker. */
  function openSpool(): Spool | null {
    if (!config.runSpool || process.platform === "win32") return null;
    const opened = createSpool({ dir: config.runSpoolDir, env: options.env });
    opened.warm();
    return opened;
  }

  function keepLogsToTheirAge(days: number): BackgroundLoop {
    return startBackgroundLoop({
      name: "old-logs",
      everyMs: RETENTION_EVERY_MS,
      run: (signal) => deleteOldLogs({ db, runLogs: work.runLogs, log }, { days, signal }),
      log,
    });
  }

  async function takeOver({ orphan, claimToken }: AdoptedRun): Promise<void> {
    const { runId, agentId } = orphan;
    try {
      await takeRunOver({ ...work, queue: engine.queue }, { runId, agentId, claimToken });
    } catch (error) {
      log.error({ event: "run.take_over_failed", runId, err: error }, "a run that was taken over waits for its lease");
    }
  }

  function track(task: Promise<void>): void {
    takenOver.add(task);
    void task.finally(() => takenOver.delete(task));
  }

  function workerStatus(state: "started" | "draining" | "stopped") {
    return { companyId: "*", type: "worker.status" as const, payload: { workerId, hostname: host.hostname, state } };
  }

  async function quietly(what: string, step: () => Promise<unknown>): Promise<void> {
    try {
      await step();
    } catch (error) {
      log.warn(
        { event: "worker.step_failed", what, err: error },
        "a step of the worker's start or stop failed; leases and sweeps make up for it",
      );
    }
  }

  return {
    workerId,
    stop(how) {
      isStopping = true;
      stopping ??= stopWorker({ ...parts, terminate: how.terminate });
      return stopping;
    },
  };
}
