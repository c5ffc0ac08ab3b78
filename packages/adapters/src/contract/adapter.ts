/**
 * The adapter module itself: how the service talks to one kind of agent (07 section 1).
 *
 * What must stay true: only `type`, `execute` and `testEnvironment` are required (AD-1); whatever an adapter leaves out
 * has a default in the registry, so no caller asks for a type by name.
 */
import type { JsonObject } from "@wakefleet/contracts";
import type { EnvironmentTestContext, EnvironmentTestResult } from "./environment-test.js";
import type { AdapterExecutionContext } from "./execution.js";
import type { AdapterExecutionResult } from "./result.js";

/** A model a person can choose (AD-2). Ids not in a list are passed through. */
export interface AdapterModel {
  readonly id: string;
  readonly label: string;
}

/** Turns stored session params into what the adapter uses and back (AD-34, SE-25). Empty objects count as null. */
export interface SessionCodec {
  /** Reads what was stored; null when it holds no session. */
  deserialize(raw: unknown): JsonObject | null;
  /** What is to be stored; null to store none. */
  serialize(params: JsonObject | null): JsonObject | null;
  /** The id shown to people. */
  getDisplayId?(params: JsonObject | null): string | null;
}

/** When the host starts a fresh session instead of resuming (AD-6, AD-7). A threshold of 0 never rotates. */
export interface SessionManagement {
  readonly nativeContextManagement: "confirmed" | "unknown";
  readonly defaultCompaction: {
    readonly enabled: boolean;
    readonly maxSessionRuns: number;
    readonly maxRawInputTokens: number;
    readonly maxSessionAgeHours: number;
  };
}

/** One skill in a snapshot (AD-71). */
export interface AdapterSkillEntry {
  readonly key: string;
  readonly runtimeName: string | null;
  readonly desired: boolean;
  readonly state: "available" | "configured" | "installed" | "missing" | "stale" | "external";
  readonly detail?: string;
}

/** The skills of an agent as its tool sees them (AD-71). */
export interface AdapterSkillSnapshot {
  readonly adapterType: string;
  readonly supported: boolean;
  readonly mode: "ephemeral" | "persistent" | "unsupported";
  readonly desiredSkills: readonly string[];
  readonly entries: readonly AdapterSkillEntry[];
  readonly warnings: readonly string[];
}

/** What the skill functions get. */
export interface AdapterSkillContext {
  readonly agentId: string;
  readonly companyId: string;
  readonly adapterType: string;
  readonly config: JsonObject;
}

/** The model a tool is set to use on this machine (AD-2). */
export interface DetectedModel {
  readonly model: string;
  readonly provider: string;
  readonly source: string;
  readonly candidates?: readonly string[];
}

/** One window of a provider's quota. */
export interface QuotaWindow {
  readonly label: string;
  readonly usedPercent: number | null;
  /** ISO 8601. */
  readonly resetsAt: string | null;
}

/** A kind of agent (AD-1, AD-2). Every member but the first three is optional. */
export interface Adapter {
  /** Unique; what an agent's `adapterType` names. */
  readonly type: string;
  /**
   * Runs the agent once. Resolves with what happened, also when the agent failed; rejects only for what is not the
   * agent's doing (a missing setting, a command that is not there), which the host records as `adapter_failed` (AD-30).
   * Must stop everything it started and settle once `context.signal` is aborted.
   */
  execute(context: AdapterExecutionContext): Promise<AdapterExecutionResult>;
  /** Looks whether a run could work here; starts nothing that has effects (AD-92). */
  testEnvironment(context: EnvironmentTestContext): Promise<EnvironmentTestResult>;

  readonly models?: readonly AdapterModel[];
  /** May answer from a cache. */
  listModels?(): Promise<readonly AdapterModel[]>;
  /** Goes round the cache of `listModels`. */
  refreshModels?(): Promise<readonly AdapterModel[]>;
  readonly sessionCodec?: SessionCodec;
  readonly sessionManagement?: SessionManagement;
  /** The run gets a token of its own (AD-18). Absent is false. */
  readonly supportsLocalAgentJwt?: boolean;
  /** Absent is false. */
  readonly supportsInstructionsBundle?: boolean;
  /** Config key that names the instructions file. Default `instructionsFilePath`. */
  readonly instructionsPathKey?: string;
  /** Skills must lie on disk before the run. Absent is false. */
  readonly requiresMaterializedRuntimeSkills?: boolean;
  /**
   * The agent is a process on the worker's host, told of by `onSpawn`: when the worker dies, another one of the host looks
   * after it (PL-2). Absent is false.
   */
  readonly spawnsLocalProcess?: boolean;
  /** Markdown that explains the settings to a person. */
  readonly agentConfigurationDoc?: string;
  listSkills?(context: AdapterSkillContext): Promise<AdapterSkillSnapshot>;
  syncSkills?(context: AdapterSkillContext, desiredSkills: readonly string[]): Promise<AdapterSkillSnapshot>;
  /** Null when the tool's own settings name none. */
  detectModel?(): Promise<DetectedModel | null>;
  /** JSON Schema of the settings. */
  getConfigSchema?(): JsonObject;
  getQuotaWindows?(): Promise<readonly QuotaWindow[]>;
  /** Told when a person approved the hiring of an agent of this type. */
  onHireApproved?(payload: JsonObject, adapterConfig: JsonObject): Promise<void>;
}
