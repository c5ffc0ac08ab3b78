/**
 * Every variable Wakefleet reads (OP-11), in the order README shows them. The one place to add one.
 *
 * Variables that concern agents' processes only (`WAKEFLEET_API_URL` and the like) are the adapters' and are not here.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseSecretsKey, SECRET_PROVIDERS } from "@wakefleet/contracts";
import { z } from "zod";
import { faultPlan } from "./fault-points.js";
import { isRedisUrl, REDIS_URL_FORMS } from "./redis-url.js";
import { flag, fraction, integer, list, oneOf, unlessFalse, url, variable } from "./variable.js";

const DAY_MS = 86_400_000;
/** RC-80. */
const SHORTEST_SCHEDULE_MS = 10_000;
const HTTP = ["http:", "https:"];

/** SC-14. */
const SECRETS_KEY_FORMS = "64 hexadecimal digits, base64 of 32 bytes, or 32 characters";
const isSecretsKey = (text: string): boolean => parseSecretsKey(text) !== null;

/** WS-1: `~` is the home of whoever runs the process. */
function absolutePath(text: string): string {
  const path = text.trim();
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : resolve(path);
}

const path = z
  .string()
  .refine((text) => text.trim() !== "", "must not be blank")
  .transform(absolutePath);
const milliseconds = (min: number, max: number): ReturnType<typeof integer> => integer(min, max);

export const VARIABLES = {
  databaseUrl: variable({
    name: "DATABASE_URL",
    schema: url(["postgresql:", "postgres:"]),
    default: null,
    example: "postgresql://wakefleet:password@db.example.com:5432/wakefleet?sslmode=verify-full",
    description: "PostgreSQL. `demo` and `up` start a private one in the data folder when it is absent.",
    secrecy: "url",
  }),
  redisUrl: variable({
    name: "REDIS_URL",
    schema: z.string().refine(isRedisUrl, `must be a Redis URL: ${REDIS_URL_FORMS}`),
    default: null,
    example: "rediss://:password@redis.example.com:6380/0",
    description:
      "Redis (or Valkey), with `maxmemory-policy noeviction`. `demo` and `up` start a private one when it is absent.",
    secrecy: "url",
  }),
  redisPrefix: variable({
    name: "REDIS_PREFIX",
    schema: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, "must be 1 to 64 letters, digits, `_`, `.` or `-`"),
    default: "wakefleet",
    example: "wakefleet-staging",
    description: "Begins every key in Redis: fleets with different prefixes can share one.",
  }),
  dbPoolMax: variable({
    name: "DB_POOL_MAX",
    schema: integer(2, 500),
    default: "10",
    example: "20",
    description: "Most PostgreSQL connections of one process.",
  }),
  host: variable({
    name: "HOST",
    schema: z.string().regex(/^[A-Za-z0-9.:_-]+$/, "must be a host name or an IP address"),
    default: "127.0.0.1",
    example: "0.0.0.0",
    description: "Address the API listens on. Loopback unless you say otherwise.",
  }),
  port: variable({
    name: "PORT",
    schema: integer(0, 65_535),
    default: "4600",
    example: "8080",
    description: "Port the API listens on; 0 takes any free one.",
  }),
  publicUrl: variable({
    name: "PUBLIC_URL",
    schema: url(HTTP),
    default: null,
    example: "https://wakefleet.example.com",
    description: "Where people and agents reach the API, if that is not `http://HOST:PORT`.",
  }),
  corsOrigins: variable({
    name: "CORS_ORIGINS",
    schema: list(
      z
        .string()
        .refine(
          (text) => URL.canParse(text) && new URL(text).origin === text,
          "must be origins such as https://app.example.com, separated by commas",
        ),
      { max: 100 },
    ),
    default: "",
    example: "https://app.example.com,https://ops.example.com",
    description: "Origins whose pages may call the API from a browser. None by default.",
  }),
  authMode: variable({
    name: "AUTH_MODE",
    schema: oneOf(["keys", "local_trusted"]),
    default: "keys",
    example: "keys",
    description: "`keys`: every caller needs a key. `local_trusted`: none is needed, on a loopback `HOST` only.",
  }),
  authSecret: variable({
    name: "AUTH_SECRET",
    schema: z.string().min(32, "must have at least 32 characters"),
    default: null,
    example: "$(openssl rand -hex 32)",
    description:
      "Signs run tokens and browser sessions; the same in every process. `demo` and `up` make one and keep it in the data folder.",
    secrecy: "secret",
  }),
  secretsKey: variable({
    name: "SECRETS_KEY",
    schema: z.string().refine(isSecretsKey, `must be ${SECRETS_KEY_FORMS}`),
    default: null,
    example: "$(openssl rand -hex 32)",
    description:
      "Encrypts secrets at rest; the same in every process. `demo` and `up` make one and keep it in the data folder; other processes make one in `WAKEFLEET_SECRETS_MASTER_KEY_FILE` on the first start of an empty fleet.",
    secrecy: "secret",
  }),
  secretsPreviousKeys: variable({
    name: "SECRETS_PREVIOUS_KEYS",
    schema: list(z.string().refine(isSecretsKey, `must be keys, each ${SECRETS_KEY_FORMS}, separated by commas`), {
      max: 10,
    }),
    default: "",
    example: "$(cat old-key)",
    description:
      "Former values of `SECRETS_KEY` that secrets may still be encrypted with, until `wakefleet secrets rotate` has run.",
    secrecy: "secret",
  }),
  secretsKeyFile: variable({
    name: "WAKEFLEET_SECRETS_MASTER_KEY_FILE",
    schema: path,
    default: null,
    example: "/run/secrets/wakefleet-master-key",
    description:
      "File of the key when `SECRETS_KEY` is not set. By default `WAKEFLEET_HOME/instances/INSTANCE/secrets/master.key`.",
  }),
  secretsProvider: variable({
    name: "WAKEFLEET_SECRETS_PROVIDER",
    schema: oneOf(SECRET_PROVIDERS),
    default: "local_encrypted",
    example: "local_encrypted",
    description:
      "Where a new secret is kept unless its request says otherwise. Only `local_encrypted` is built so far.",
  }),
  secretsStrictMode: variable({
    name: "WAKEFLEET_SECRETS_STRICT_MODE",
    schema: flag(),
    default: "false",
    example: "true",
    description: "Refuses plain values under names that look secret: they must refer to a secret.",
  }),
  workerConcurrency: variable({
    name: "WORKER_CONCURRENCY",
    schema: integer(1, 10_000),
    default: "10",
    example: "25",
    description: "Most runs one worker process executes at once.",
  }),
  startsPerSecond: variable({
    name: "STARTS_PER_SECOND",
    schema: integer(0, 100_000),
    default: "10",
    example: "20",
    description:
      "Most runs one worker starts in the first second after a start, an outage or a resume while work waits; twice as many in the next second, and so on. 0 is no limit.",
  }),
  workerHostname: variable({
    name: "WORKER_HOSTNAME",
    schema: z.string().min(1).max(255),
    default: null,
    example: "agents-1",
    description:
      "Name of the worker's host, if not the system's. Workers of one name and boot look after each other's processes.",
  }),
  runMaxProcesses: variable({
    name: "RUN_MAX_PROCESSES",
    schema: integer(0, 1_000_000),
    default: "0",
    example: "200",
    description: "Most processes one run may have at once; with more it ends with `resource_limit`. 0 is no limit.",
  }),
  runMaxMemoryMb: variable({
    name: "RUN_MAX_MEMORY_MB",
    schema: integer(0, 100_000_000),
    default: "0",
    example: "8192",
    description:
      "Most memory the processes of one run may use together, in MiB; with more it ends with `resource_limit`. 0 is no limit.",
  }),
  hostMinMemoryPercent: variable({
    name: "HOST_MIN_MEMORY_PERCENT",
    schema: integer(0, 100),
    default: "5",
    example: "10",
    description:
      "Share of its host's memory (or its container's) that must be available for a worker to start runs, in percent. 0 starts them whatever is left.",
  }),
  hostMaxLoadPerCore: variable({
    name: "HOST_MAX_LOAD_PER_CORE",
    schema: fraction(0, 10_000),
    default: "0",
    example: "4",
    description:
      "Load of its host over the last minute, for each core, above which a worker starts no runs. 0 is no limit.",
  }),
  fleetMaxRuns: variable({
    name: "FLEET_MAX_RUNS",
    schema: integer(0, 1_000_000),
    default: "0",
    example: "200",
    description: "Most runs the whole fleet executes at once. 0 is no limit beside the workers' own.",
  }),
  hostMaxRuns: variable({
    name: "HOST_MAX_RUNS",
    schema: integer(0, 1_000_000),
    default: "0",
    example: "40",
    description: "Most runs all workers of one host execute at once. 0 is no limit beside the workers' own.",
  }),
  accountMaxRuns: variable({
    name: "ACCOUNT_MAX_RUNS",
    schema: integer(0, 1_000_000),
    default: "0",
    example: "10",
    description: "Most runs of one provider account at once, where the account has no cap of its own. 0 is no limit.",
  }),
  accountStaggerMs: variable({
    name: "ACCOUNT_STAGGER_MS",
    schema: milliseconds(0, 3_600_000),
    default: "60000",
    example: "60000",
    description: "Runs that a provider's limit kept waiting start spread over this time after it.",
  }),
  leaseMs: variable({
    name: "LEASE_MS",
    schema: milliseconds(500, 3_600_000),
    default: "30000",
    example: "30000",
    description:
      "How long a worker's claim on a run lasts without renewal, in milliseconds. It is renewed three times as often.",
  }),
  drainTimeoutMs: variable({
    name: "DRAIN_TIMEOUT_MS",
    schema: milliseconds(0, DAY_MS),
    default: "30000",
    example: "300000",
    description: "How long a stopping worker lets its runs end by themselves, in milliseconds.",
  }),
  shutdownTimeoutMs: variable({
    name: "SHUTDOWN_TIMEOUT_MS",
    schema: milliseconds(0, 600_000),
    default: "10000",
    example: "20000",
    description: "How long a stopping API lets open requests end, in milliseconds.",
  }),
  processAdoptGraceMs: variable({
    name: "PROCESS_ADOPT_GRACE_MS",
    schema: milliseconds(0, DAY_MS),
    default: "120000",
    example: "120000",
    description:
      "How long a run whose worker is gone waits for its own host to come back before it counts as lost, in milliseconds.",
  }),
  retryDelaysMs: variable({
    name: "RETRY_DELAYS_MS",
    schema: list(milliseconds(1_000, 30 * DAY_MS), { max: 20 }),
    default: "120000,600000,1800000,7200000",
    example: "1000,5000",
    description:
      "Base delay before each retry of a run that failed for a passing reason, in milliseconds. As many retries as items.",
  }),
  retryJitter: variable({
    name: "RETRY_JITTER",
    schema: fraction(0, 1),
    default: "0.25",
    example: "0.1",
    description: "Share by which a retry's delay is made longer or shorter at random.",
  }),
  silenceSuspicionMs: variable({
    name: "SILENCE_SUSPICION_MS",
    schema: milliseconds(1_000, 30 * DAY_MS),
    default: "3600000",
    example: "600000",
    description: "How long a running run may print nothing before somebody is asked to look at it, in milliseconds.",
  }),
  silenceCriticalMs: variable({
    name: "SILENCE_CRITICAL_MS",
    schema: milliseconds(1_000, 30 * DAY_MS),
    default: "14400000",
    example: "3600000",
    description: "How long it may print nothing before that becomes urgent, in milliseconds.",
  }),
  silenceQuietMs: variable({
    name: "SILENCE_QUIET_MS",
    schema: milliseconds(1_000, 30 * DAY_MS),
    default: "1800000",
    example: "600000",
    description: "How long a silent run is left in peace after the decision to let it continue, in milliseconds.",
  }),
  summaryPathRoots: variable({
    name: "SUMMARY_PATH_ROOTS",
    schema: list(z.string().regex(/^[\w./-]{1,200}$/, "must be beginnings of paths, such as src/"), { max: 50 }),
    default: "server/,ui/,packages/,doc/,scripts/,.github/",
    example: "src/,docs/",
    description: "Paths that begin so are listed as touched in an issue's continuation summary.",
  }),
  sweepIntervalMs: variable({
    name: "SWEEP_INTERVAL_MS",
    schema: milliseconds(100, 3_600_000),
    default: "10000",
    example: "10000",
    description:
      "How often the fleet looks for work that got stuck (lost workers, rows without a job), in milliseconds.",
  }),
  schedulerEnabled: variable({
    name: "HEARTBEAT_SCHEDULER_ENABLED",
    schema: unlessFalse(),
    default: "true",
    example: "false",
    description:
      "`false` in every worker: no timer fires and nobody looks for work that nobody moves. Runs, retries, leases and the outbox go on.",
  }),
  schedulerIntervalMs: variable({
    name: "HEARTBEAT_SCHEDULER_INTERVAL_MS",
    schema: milliseconds(0, DAY_MS).pipe(z.number().transform((ms) => Math.max(SHORTEST_SCHEDULE_MS, ms))),
    default: null,
    example: "30000",
    description:
      "How often the fleet looks for work that nobody moves (stranded issues, blocked chains, silent runs), in milliseconds; at least 10000. By default three times `SWEEP_INTERVAL_MS`.",
  }),
  wakefleetHome: variable({
    name: "WAKEFLEET_HOME",
    schema: path,
    default: "~/.wakefleet",
    example: "/var/lib/wakefleet",
    description: "Folder of run logs, agents' homes and workspaces. `demo` and `up` use one in the data folder.",
  }),
  instanceId: variable({
    name: "WAKEFLEET_INSTANCE_ID",
    schema: z
      .string()
      .trim()
      .regex(/^[A-Za-z0-9_-]+$/, "must have letters, digits, `_` and `-` only"),
    default: "default",
    example: "staging",
    description: "Name of this fleet's folder in `WAKEFLEET_HOME`.",
  }),
  workspaceGitProtocols: variable({
    name: "WORKSPACE_GIT_PROTOCOLS",
    schema: list(oneOf(["https", "ssh", "file", "http"]), { max: 4 }),
    default: "https,ssh",
    example: "https,ssh,file",
    description: "How repositories of projects may be cloned. `file` reads any repository of the worker's host.",
  }),
  runLogDir: variable({
    name: "RUN_LOG_DIR",
    schema: path,
    default: null,
    example: "/mnt/run-logs",
    description: "Folder of run logs. By default `WAKEFLEET_HOME/instances/INSTANCE/data/run-logs`.",
  }),
  runSpool: variable({
    name: "RUN_SPOOL",
    schema: flag(),
    default: "true",
    example: "false",
    description: "Whether agents' processes outlive their worker, so that it can be replaced while they work.",
  }),
  runSpoolDir: variable({
    name: "RUN_SPOOL_DIR",
    schema: path,
    default: null,
    example: "/var/lib/wakefleet/spool",
    description:
      "Folder that running agents print to, on a disk of their host and the same for all its workers. By default `WAKEFLEET_HOME/instances/INSTANCE/data/spool`.",
  }),
  runLogMaxBytes: variable({
    name: "RUN_LOG_MAX_BYTES",
    schema: integer(65_536, Number.MAX_SAFE_INTEGER),
    default: "268435456",
    example: "104857600",
    description: "Most bytes kept of one run's output; past it only the tail is.",
  }),
  runLogS3Bucket: variable({
    name: "RUN_LOG_S3_BUCKET",
    schema: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket name"),
    default: null,
    example: "wakefleet-run-logs",
    description: "Reserved for run logs in an S3-compatible store.",
  }),
  runLogS3Endpoint: variable({
    name: "RUN_LOG_S3_ENDPOINT",
    schema: url(HTTP),
    default: null,
    example: "https://s3.eu-central-1.amazonaws.com",
    description: "Reserved, as `RUN_LOG_S3_BUCKET`.",
  }),
  runLogS3Region: variable({
    name: "RUN_LOG_S3_REGION",
    schema: z.string().regex(/^[a-z0-9-]+$/, "must be a region name"),
    default: null,
    example: "eu-central-1",
    description: "Reserved, as `RUN_LOG_S3_BUCKET`.",
  }),
  runLogS3AccessKeyId: variable({
    name: "RUN_LOG_S3_ACCESS_KEY_ID",
    schema: z.string().min(1),
    default: null,
    example: "AKIA…",
    description: "Reserved, as `RUN_LOG_S3_BUCKET`.",
    secrecy: "secret",
  }),
  runLogS3SecretAccessKey: variable({
    name: "RUN_LOG_S3_SECRET_ACCESS_KEY",
    schema: z.string().min(1),
    default: null,
    example: "…",
    description: "Reserved, as `RUN_LOG_S3_BUCKET`.",
    secrecy: "secret",
  }),
  rateLimitReads: variable({
    name: "RATE_LIMIT_READS",
    schema: integer(0, 10_000_000),
    default: "200",
    example: "500",
    description: "Reads a second for each key; 0 turns the limit off.",
  }),
  rateLimitReadsBurst: variable({
    name: "RATE_LIMIT_READS_BURST",
    schema: integer(1, 10_000_000),
    default: "400",
    example: "1000",
    description: "Reads a key may make at once before the rate counts.",
  }),
  rateLimitWrites: variable({
    name: "RATE_LIMIT_WRITES",
    schema: integer(0, 10_000_000),
    default: "1000",
    example: "2000",
    description: "Writes a second for each key; 0 turns the limit off.",
  }),
  rateLimitWritesBurst: variable({
    name: "RATE_LIMIT_WRITES_BURST",
    schema: integer(1, 10_000_000),
    default: "2000",
    example: "4000",
    description: "Writes a key may make at once before the rate counts.",
  }),
  rateLimitWakeups: variable({
    name: "RATE_LIMIT_WAKEUPS",
    schema: integer(0, 10_000_000),
    default: "0",
    example: "500",
    description: "Wakeups a second for each key (a batch counts as a tenth of its items); 0 turns the limit off.",
  }),
  rateLimitFailedAuth: variable({
    name: "RATE_LIMIT_FAILED_AUTH",
    schema: integer(0, 10_000_000),
    default: "20",
    example: "5",
    description: "Wrong keys a minute from one address; 0 turns the limit off.",
  }),
  retentionRunEventsDays: variable({
    name: "RETENTION_RUN_EVENTS_DAYS",
    schema: integer(0, 36_500),
    default: "0",
    example: "30",
    description: "Days that the events of finished runs are kept; 0 keeps them for ever.",
  }),
  retentionRunLogsDays: variable({
    name: "RETENTION_RUN_LOGS_DAYS",
    schema: integer(0, 36_500),
    default: "0",
    example: "30",
    description: "Days that the logs of finished runs are kept; 0 keeps them for ever.",
  }),
  adapterPackages: variable({
    name: "ADAPTER_PACKAGES",
    schema: list(
      z
        .string()
        .regex(
          /^(?:@[\w.-]+\/)?[\w.-]+(?:\/[\w./-]+)?$|^\.{0,2}\/\S+$/,
          "must be package names or paths of module files",
        ),
      { max: 50 },
    ),
    default: "",
    example: "wakefleet-adapter-acme,/srv/adapters/own.mjs",
    description:
      "Packages with adapters of others, loaded by the API and every worker, by name or as a module file. See docs/adapters.md.",
  }),
  logLevel: variable({
    name: "LOG_LEVEL",
    schema: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    default: "info",
    example: "debug",
    description: "Least important log lines that are written.",
  }),
  metricsPerAgent: variable({
    name: "METRICS_PER_AGENT",
    schema: flag(),
    default: "false",
    example: "true",
    description: "Adds metrics labelled with agent ids. Many agents make many series.",
  }),
  otelEndpoint: variable({
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    schema: url(HTTP),
    default: null,
    example: "http://otel-collector:4318",
    description: "Where traces are sent; none are made without it.",
  }),
  nodeEnv: variable({
    name: "NODE_ENV",
    schema: oneOf(["production", "development", "test"]),
    default: "production",
    example: "production",
    description: "`test` lets `WAKEFLEET_FAULTS` be set; nothing else depends on it.",
  }),
  faults: variable({
    name: "WAKEFLEET_FAULTS",
    schema: faultPlan,
    default: "",
    example: "after-commit-before-enqueue:kill:1,between-finish-steps:delay=500",
    description: "For tests only (`NODE_ENV=test`): places where the process kills itself or waits.",
  }),
} as const;
