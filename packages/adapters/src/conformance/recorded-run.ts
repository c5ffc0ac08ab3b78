/** Runs an adapter once under test and keeps all that it told the host. */
import type { JsonObject, OutputStream } from "@wakefleet/contracts";
import type {
  Adapter,
  AdapterExecutionContext,
  AdapterExecutionResult,
  AdapterWarning,
  InvocationMeta,
  SpawnInfo,
} from "../contract.js";

export interface RecordedRun {
  readonly result: AdapterExecutionResult;
  readonly stdout: string;
  readonly stderr: string;
  readonly metas: readonly InvocationMeta[];
  readonly spawns: readonly SpawnInfo[];
  readonly warnings: readonly AdapterWarning[];
  /** `meta`, `spawn`, `log` in the order they came. */
  readonly order: readonly string[];
}

export interface RunOverrides {
  readonly config: JsonObject;
  readonly context?: JsonObject;
  readonly execution?: Partial<AdapterExecutionContext>;
  /** Awaited for every chunk, before the next may come. */
  onChunk?(stream: OutputStream, chunk: string): Promise<void> | void;
  onSpawned?(spawned: SpawnInfo): Promise<void> | void;
}

/** Ids of the agent and the run that `recordRun` uses. */
export const TEST_IDS = { runId: "run-1", agentId: "agent-1", companyId: "company-1" } as const;

export async function recordRun(adapter: Adapter, overrides: RunOverrides): Promise<RecordedRun> {
  const output: Record<OutputStream, string[]> = { stdout: [], stderr: [] };
  const metas: InvocationMeta[] = [];
  const spawns: SpawnInfo[] = [];
  const warnings: AdapterWarning[] = [];
  const order: string[] = [];
  const result = await adapter.execute({
    runId: TEST_IDS.runId,
    agent: {
      id: TEST_IDS.agentId,
      companyId: TEST_IDS.companyId,
      name: "Tester",
      adapterType: adapter.type,
      adapterConfig: {},
    },
    runtime: { sessionId: null, sessionParams: null, sessionDisplayId: null, taskKey: null },
    config: overrides.config,
    context: overrides.context ?? {},
    signal: new AbortController().signal,
    async onLog(stream, chunk) {
      order.push("log");
      output[stream].push(chunk);
      await overrides.onChunk?.(stream, chunk);
    },
    async onMeta(meta) {
      order.push("meta");
      metas.push(meta);
    },
    async onSpawn(spawned) {
      order.push("spawn");
      spawns.push(spawned);
      await overrides.onSpawned?.(spawned);
    },
    onWarning: (warning) => warnings.push(warning),
    ...overrides.execution,
  });
  return { result, stdout: output.stdout.join(""), stderr: output.stderr.join(""), metas, spawns, warnings, order };
}

/** Polls until `condition` gives something other than undefined or false; fails after `deadlineMs` milliseconds. */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
