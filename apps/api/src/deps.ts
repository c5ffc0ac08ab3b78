/** What the HTTP application is built from; `start-api.ts` opens the real things, tests give their own. */
import type { AdapterRegistry } from "@wakefleet/adapters";
import type {
  LiveEvent,
  LiveEventPublisher,
  LiveEventType,
  SecretProvider,
  SweepName,
  SweepRun,
} from "@wakefleet/contracts";
import type { SilenceThresholds } from "@wakefleet/domain";
import type { SecretsAccess } from "@wakefleet/engine";
import type { RunLogStore } from "@wakefleet/run-logs";
import type { Database } from "@wakefleet/store";
import type { Metrics } from "@wakefleet/telemetry";
import type { RequestHandler, Router } from "express";
import type { EnginePort } from "./engine-port.js";
import type { TokenBuckets } from "./http/token-buckets.js";
import type { UserCensor } from "./instance/user-censor.js";
import type { RunTexts } from "./runs/run-texts.js";

/** The settings the HTTP side reads (OP-11). Durations in milliseconds. */
export interface ApiSettings {
  readonly authMode: "keys" | "local_trusted";
  readonly authSecret: string;
  readonly publicUrl: string | null;
  readonly corsOrigins: readonly string[];
  readonly leaseMs: number;
  readonly bodyLimitBytes: number;
  /** WS-1: where this host keeps what agents use. */
  readonly location: { readonly env: Readonly<Record<string, string>>; readonly userHome: string };
  /** RC-40. */
  readonly silence: SilenceThresholds;
  /** SC-4, SC-12. */
  readonly secrets: { readonly strict: boolean; readonly defaultProvider: SecretProvider };
  /** Tokens a second and bucket size; a rate of 0 is off (API-39). */
  readonly rateLimits: {
    readonly reads: { readonly perSecond: number; readonly burst: number };
    readonly writes: { readonly perSecond: number; readonly burst: number };
    readonly wakeups: { readonly perSecond: number; readonly burst: number };
    readonly failedAuthPerMinute: number;
  };
}

/** The log, object first. */
export interface ApiLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LiveSubscription {
  readonly companyIds: readonly string[];
  /** Names, or prefixes ending in `*`. */
  readonly types?: readonly string[];
  readonly agentId?: string;
  readonly runId?: string;
  readonly issueId?: string;
  readonly lastEventId?: number;
  readonly signal: AbortSignal;
}

/** Live events as streams read them (API-260 to API-263). The iteration ends when the signal aborts or the reader was too slow. */
export interface LiveEvents {
  subscribe(subscription: LiveSubscription): AsyncIterable<LiveEvent>;
}
export type { LiveEventType };

/** What `/api/fleet` shows of one agent's queue. */
export interface QueueFigures {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly paused: boolean;
}

/** The queues as the fleet view reads them. Rejects quickly while Redis is away. */
export interface QueueReading {
  counts(agentIds: readonly string[]): Promise<ReadonlyMap<string, QueueFigures>>;
  queueName(agentId: string): string;
  ping(): Promise<void>;
  /** What those of the workers left of their figures that did so lately, as `Metrics.figures` wrote it. */
  workerFigures(workerIds: readonly string[]): Promise<string[]>;
  /** Has a worker run a sweep now and waits for it (RC-83). Rejects while Redis is away. */
  runSweep(name: SweepName): Promise<Omit<SweepRun, "sweep">>;
}

/** Tells streams and readiness that the process is stopping (API-18). */
export interface Lifecycle {
  readonly draining: boolean;
  readonly closing: AbortSignal;
}

/** What extra routers (Bull Board, the console) get of the session handling. */
export interface RouterKit {
  /** Lets the board through; sends a browser to `/login` and answers others 401 or 403. */
  readonly boardOnly: RequestHandler;
}

export interface ApiDeps {
  readonly settings: ApiSettings;
  readonly version: string;
  readonly db: Database;
  readonly engine: EnginePort;
  readonly events: LiveEventPublisher;
  readonly live: LiveEvents;
  readonly logs: RunLogStore;
  readonly queues: QueueReading;
  readonly buckets: TokenBuckets;
  readonly metrics: Metrics;
  readonly secrets: SecretsAccess;
  /** Masks the OS user of this process in what it writes and answers, where the instance wants it (IN-2, API-16). */
  readonly censor: UserCensor;
  readonly runTexts: RunTexts;
  readonly log: ApiLog;
  readonly lifecycle: Lifecycle;
  /** One word; `ok` when the schema is the one this version knows. */
  readonly migrations: () => Promise<string>;
  /** The adapters that agents may name. */
  readonly adapters: AdapterRegistry;
  readonly now: () => Date;
  /** Mounted after sessions and before the 404s. */
  readonly extraRouters?: (kit: RouterKit) => Router[];
}
