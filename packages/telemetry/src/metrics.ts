/**
 * The metrics of API-310, typed: a name or a label that does not exist does not compile.
 *
 * What must stay true: labels hold no ids (`agent_queue_depth` apart, which is off by default), and label values that
 * come from outside go through {@link closedLabel}, so that the number of series has a bound.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const PREFIX = "wakefleet_";
const LAG_NAME = `${PREFIX}event_loop_lag_seconds`;

/** From a millisecond to the longest runs: coarse enough to be cheap, fine enough to see a slow queue. */
const WAIT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
const RUN_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 21600];
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Metrics {
  readonly registry: Registry;
  readonly wakeups: Counter<"source" | "outcome" | "reason">;
  readonly runsFinished: Counter<"adapter_type" | "status" | "error_code">;
  readonly runDuration: Histogram<"adapter_type">;
  readonly queueWait: Histogram<"adapter_type">;
  readonly wakeToStart: Histogram<"adapter_type">;
  readonly runs: Gauge<"status">;
  readonly undispatchedRuns: Gauge;
  readonly oldestQueued: Gauge;
  readonly deferredWakeups: Gauge;
  readonly claims: Counter<"result">;
  readonly leaseRenewals: Counter<"result">;
  readonly leasesExpired: Counter<"result">;
  readonly fencedWritesRefused: Counter<"result">;
  readonly retriesScheduled: Counter<"attempt">;
  readonly processLosses: Counter;
  readonly sweepDuration: Histogram<"sweep">;
  readonly workers: Gauge<"state">;
  readonly workerCapacity: Gauge<"state">;
  readonly workerInUse: Gauge<"state">;
  readonly httpRequests: Counter<"method" | "route" | "status">;
  readonly httpRequestDuration: Histogram<"method" | "route" | "status">;
  readonly storeLatency: Histogram<"store">;
  readonly storeErrors: Counter<"store">;
  /** Null unless `METRICS_PER_AGENT` is on. */
  readonly agentQueueDepth: Gauge<"agent_id"> | null;
  /** This process's figures of the fleet as one JSON text, for {@link Metrics.text} of another process. */
  figures(): Promise<string>;
  /**
   * The Prometheus text of `GET /metrics`: this process's figures, and added to them the `figures()` of others. Figures
   * about a single process (`process_*`, `nodejs_*`, the event loop's lag) are this process's alone. Throws on a text that
   * no `figures()` wrote.
   */
  text(others?: readonly string[]): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** `METRICS_PER_AGENT`. */
  readonly perAgent?: boolean;
}

/**
 * A registry of its own for each call, so that tests and several processes in one do not meet.
 * Also measures the event loop's lag and the process.
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  const make = makers(registry);
  // Names without a prefix of ours: `process_*` and `nodejs_*` are what dashboards look for (API-310).
  collectDefaultMetrics({ register: registry });
  measureEventLoopLag(registry);
  return {
    registry,
    wakeups: make.counter("wakeups_total", "Wakeups received, by what became of them", ["source", "outcome", "reason"]),
    runsFinished: make.counter("runs_finished_total", "Runs that ended", ["adapter_type", "status", "error_code"]),
    runDuration: make.histogram("run_duration_seconds", "From a run's start to its end", ["adapter_type"], RUN_BUCKETS),
    queueWait: make.histogram("queue_wait_seconds", "From due to claimed", ["adapter_type"], WAIT_BUCKETS),
    wakeToStart: make.histogram(
      "wake_to_start_seconds",
      "From accepted to the adapter's start",
      ["adapter_type"],
      WAIT_BUCKETS,
    ),
    runs: make.gauge("runs", "Runs that have not ended", ["status"]),
    undispatchedRuns: make.gauge("undispatched_runs", "Runs whose job is not yet in Redis", []),
    oldestQueued: make.gauge("oldest_queued_seconds", "Age of the run that has waited longest", []),
    deferredWakeups: make.gauge("deferred_wakeups", "Wakeups that wait for an issue", []),
    claims: make.counter("claims_total", "Attempts to claim a run", ["result"]),
    leaseRenewals: make.counter("lease_renewals_total", "Renewals of leases", ["result"]),
    leasesExpired: make.counter("leases_expired_total", "Leases found expired", ["result"]),
    fencedWritesRefused: make.counter("fenced_writes_refused_total", "Writes refused because the claim was stale", [
      "result",
    ]),
    retriesScheduled: make.counter("retries_scheduled_total", "Retries scheduled", ["attempt"]),
    processLosses: make.counter("process_losses_total", "Runs lost with their worker", []),
    sweepDuration: make.histogram("sweep_duration_seconds", "Duration of one sweep", ["sweep"], WAIT_BUCKETS),
    workers: make.gauge("workers", "Worker processes", ["state"]),
    workerCapacity: make.gauge("worker_capacity", "Runs the workers can execute at once", ["state"]),
    workerInUse: make.gauge("worker_in_use", "Runs the workers execute now", ["state"]),
    httpRequests: make.counter("http_requests_total", "HTTP requests answered", ["method", "route", "status"]),
    httpRequestDuration: make.histogram(
      "http_request_duration_seconds",
      "Duration of HTTP requests",
      ["method", "route", "status"],
      REQUEST_BUCKETS,
    ),
    storeLatency: make.histogram("store_latency_seconds", "Round trip to a store", ["store"], REQUEST_BUCKETS),
    storeErrors: make.counter("store_errors_total", "Failed calls to a store", ["store"]),
    agentQueueDepth:
      options.perAgent === true ? make.gauge("agent_queue_depth", "Runs that wait, by agent", ["agent_id"]) : null,
    figures: async () => JSON.stringify((await registry.getMetricsAsJSON()).filter(isOfTheFleet)),
    text: async (others = []) => {
      if (others.length === 0) return await registry.metrics();
      const all = [await registry.getMetricsAsJSON(), ...others.map((text) => JSON.parse(text) as object[])];
      return await AggregatorRegistry.aggregate(all).metrics();
    },
    contentType: registry.contentType,
  };
}

/** The lag is a process's own, and a sum of lags says nothing. */
function isOfTheFleet({ name }: { name: string }): boolean {
  return name.startsWith(PREFIX) && name !== LAG_NAME;
}

/** `value` if it is one of `known`, else `other`: keeps a label's values to a closed list. */
export function closedLabel<const Value extends string>(
  value: string | null | undefined,
  known: readonly Value[],
): Value | "other" {
  return known.find((candidate) => candidate === value) ?? "other";
}

interface Makers {
  counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L>;
  gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L>;
  histogram<L extends string>(name: string, help: string, labelNames: L[], buckets: number[]): Histogram<L>;
}

function makers(registry: Registry): Makers {
  const common = (name: string, help: string): { name: string; help: string; registers: Registry[] } => ({
    name: `${PREFIX}${name}`,
    help,
    registers: [registry],
  });
  return {
    counter: (name, help, labelNames) => new Counter({ ...common(name, help), labelNames }),
    gauge: (name, help, labelNames) => new Gauge({ ...common(name, help), labelNames }),
    histogram: (name, help, labelNames, buckets) => new Histogram({ ...common(name, help), labelNames, buckets }),
  };
}

/** The 99th percentile since the last look. A look that comes before the first measurement leaves the figure out. */
function measureEventLoopLag(registry: Registry): void {
  const delays = monitorEventLoopDelay({ resolution: 20 });
  delays.enable();
  new Gauge({
    name: LAG_NAME,
    help: "How late the event loop is, 99th percentile since the last look",
    registers: [registry],
    collect() {
      if (delays.count === 0) return;
      this.set(delays.percentile(99) / 1e9);
      delays.reset();
    },
  });
}
