/**
 * Which adapters there are. Everyone who needs one asks the registry by type; nobody else compares type names.
 *
 * What must stay true: the registry always holds `process`, because an unknown type runs as one (AD-4).
 */
import { claudeAdapter } from "./claude-local/claude-adapter.js";
import { codexAdapter } from "./codex-local/codex-adapter.js";
import type { Adapter, AdapterModel, SessionCodec } from "./contract.js";
import { cursorAdapter } from "./cursor/cursor-adapter.js";
import { geminiAdapter } from "./gemini-local/gemini-adapter.js";
import { hermesAdapter } from "./hermes-local/hermes-adapter.js";
import { httpAdapter } from "./http/http-adapter.js";
import { openClawGatewayAdapter } from "./openclaw-gateway/openclaw-gateway-adapter.js";
import { openCodeAdapter } from "./opencode-local/opencode-adapter.js";
import { piAdapter } from "./pi-local/pi-adapter.js";
import { processAdapter } from "./process/process-adapter.js";
import { defaultSessionCodec } from "./session-codec.js";

/** The type that unknown types run as (AD-4). */
const FALLBACK_TYPE = "process";

export interface AdapterRegistry {
  /** The adapter for a run; an unknown type gives `process` (AD-4). */
  resolve(type: string): Adapter;
  /**
   * The adapter for validation.
   * @throws Error `Unknown adapter type: X` (AD-4).
   */
  require(type: string): Adapter;
  /** Registered types, in order of registration. */
  types(): string[];
  /** Models of a type: `listModels()` if it gives any, else `models`, else none; `[]` for an unknown type (AD-5). */
  models(type: string): Promise<readonly AdapterModel[]>;
  /** The same past every cache: `refreshModels()` if it gives any, else as `models` (AD-5). */
  refreshModels(type: string): Promise<readonly AdapterModel[]>;
  /** The session codec a run of this type uses; the default one where the adapter brings none (AD-37, SE-26). */
  sessionCodec(type: string): SessionCodec;
}

/** The adapters that ship. */
export function builtInAdapters(): readonly Adapter[] {
  return [
    processAdapter,
    httpAdapter,
    claudeAdapter,
    codexAdapter,
    cursorAdapter,
    geminiAdapter,
    openCodeAdapter,
    piAdapter,
    hermesAdapter,
    openClawGatewayAdapter,
  ];
}

/**
 * Builds a registry.
 * @throws Error when two adapters share a type or none is `process`.
 */
export function createAdapterRegistry(adapters: readonly Adapter[]): AdapterRegistry {
  const byType = new Map<string, Adapter>();
  for (const adapter of adapters) {
    if (byType.has(adapter.type)) {
      throw new Error(`Two adapters have the type "${adapter.type}". Give each its own type.`);
    }
    byType.set(adapter.type, adapter);
  }
  const fallback = byType.get(FALLBACK_TYPE);
  if (fallback === undefined) {
    throw new Error(`No adapter of type "${FALLBACK_TYPE}" was given: unknown types run as it. Add builtInAdapters().`);
  }

  const resolve = (type: string): Adapter => byType.get(type) ?? fallback;

  const models = async (type: string): Promise<readonly AdapterModel[]> => {
    const adapter = byType.get(type);
    const listed = (await adapter?.listModels?.()) ?? [];
    return listed.length > 0 ? listed : (adapter?.models ?? []);
  };

  return {
    resolve,
    require(type) {
      const adapter = byType.get(type);
      if (adapter === undefined) throw new Error(`Unknown adapter type: ${type}`);
      return adapter;
    },
    types: () => [...byType.keys()],
    models,
    async refreshModels(type) {
      const refreshed = (await byType.get(type)?.refreshModels?.()) ?? [];
      return refreshed.length > 0 ? refreshed : await models(type);
    },
    sessionCodec: (type) => resolve(type).sessionCodec ?? defaultSessionCodec,
  };
}
