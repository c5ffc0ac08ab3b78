/**
 * What an adapter is given for one run (07 section 2).
 *
 * What must stay true: an adapter reads settings from `config` alone, never from `agent.adapterConfig`, which still has
 * its secrets unresolved (AD-12); it awaits every callback; it writes nothing to any store.
 */
import type { JsonObject, OutputStream } from "@wakefleet/contracts";
import type { ChildHost } from "../child/child-host.js";
import type { AdapterExecutionResult } from "./result.js";
import type { SpawnInfo } from "./spawn-info.js";

/** The agent that runs (AD-10). `adapterConfig` is the stored, unresolved one: for reference, not for reading settings. */
export interface AdapterAgent {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly adapterType: string;
  readonly adapterConfig: JsonObject;
}

/** The previous session (AD-11). `sessionParams` went through the codec's `deserialize`; `sessionId` is the older view. */
export interface AdapterRuntime {
  readonly sessionId: string | null;
  readonly sessionParams: JsonObject | null;
  readonly sessionDisplayId: string | null;
  readonly taskKey: string | null;
}

/** Where the run is to happen (AD-14). Absent, null and `local` all mean: on this worker. */
export type ExecutionTarget =
  /** With the environment and the run's lease on it, where the host keeps them (EN-33). */
  | { readonly kind: "local"; readonly environmentId?: string; readonly leaseId?: string }
  | { readonly kind: "remote"; readonly transport: "ssh" | "sandbox"; readonly remoteCwd: string };

/** What is about to be invoked (AD-16). Free of secrets by key name; the host redacts by secret value besides. */
export interface InvocationMeta {
  readonly adapterType: string;
  readonly command: string;
  readonly cwd: string | null;
  readonly commandArgs: readonly string[];
  readonly commandNotes: readonly string[];
  /** The injected environment, redacted (AD-56). */
  readonly env: Readonly<Record<string, string>>;
  readonly prompt: string | null;
  /** Sizes of the prompt's sections in characters. */
  readonly promptMetrics: Readonly<Record<string, number>>;
  readonly context: JsonObject;
}

/** Something that went wrong beside the run and does not decide its outcome; the host logs it. */
export interface AdapterWarning {
  /** Stable word: `on_log_failed`, `on_spawn_failed`, `stdin_failed`, `output_failed`, `signal_failed`, ... */
  readonly code: string;
  readonly message: string;
  readonly cause?: unknown;
}

/** What is known of a run while it goes on (BY-6). Absent is not known yet; each telling replaces the one before. `costUsd` is what the tool says, or what its tokens cost by list price where it says so at its end only. */
export interface RunProgress extends Pick<AdapterExecutionResult, "usage" | "usageBasis" | "costUsd" | "billingType"> {
  /** The session to resume if the run is stopped now. */
  readonly sessionId: string | null;
}

/** Everything `execute` gets (EX-10). */
export interface AdapterExecutionContext {
  readonly runId: string;
  readonly agent: AdapterAgent;
  readonly runtime: AdapterRuntime;
  /** The adapter config of this run: secrets resolved, overrides merged, `wakefleetRuntimeSkills` added (AD-12). */
  readonly config: JsonObject;
  /** The run's context snapshot (AD-13, keys of CX-20). */
  readonly context: JsonObject;
  readonly executionTarget?: ExecutionTarget | null;
  /** Takes output in order; never called twice at once; awaited, so that a slow host slows the child (AD-15, AD-44). */
  onLog(stream: OutputStream, chunk: string): Promise<void>;
  /** Called once before each attempt (AD-16). */
  onMeta?(meta: InvocationMeta): Promise<void>;
  /** Called once for each spawned process, before anything is written to its stdin (AD-17). */
  onSpawn?(spawned: SpawnInfo): Promise<void>;
  /** Told a few times a second at most what the run used so far (BY-6), where the tool says so. Must not throw. */
  onProgress?(progress: RunProgress): void;
  /** Told about what went wrong without deciding the outcome (a throwing `onLog`, a broken pipe). Must not throw. */
  onWarning?(warning: AdapterWarning): void;
  /** Where the run's children are started (BY-9). Absent: as children of this process. */
  readonly childHost?: ChildHost;
  /** Bearer token of the run; only given to adapters that declare `supportsLocalAgentJwt` (AD-18). */
  readonly authToken?: string;
  /**
   * The claim under which the run was started (BY-8). The agent sends it back as `X-Wakefleet-Claim-Token`, and our API
   * refuses what it writes once the claim is no longer current.
   */
  readonly claimToken?: number;
  /** Aborted with a `RunAborted` when the run must stop (EX-10, CN-2, EX-14). */
  readonly signal: AbortSignal;
  /** The worker's own environment, from which a child inherits (AD-52). Default `process.env`. */
  readonly workerEnv?: Readonly<Record<string, string | undefined>>;
}
