/**
 * Prisma's schema engine in its WebAssembly form: nothing is downloaded and nothing outside this process runs (OP-6).
 *
 * What must stay true: the WebAssembly module is loaded once a process, and only by code that migrates: it is several
 * megabytes that a serving process does not need.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine, SchemasContainer } from "@prisma/schema-engine-wasm";
import type { MigrationPool } from "./migration-pool.js";
import { wholeScriptAdapter } from "./whole-script-adapter.js";

export type { MigrationList, SchemaEngine };

/** No table is managed by anyone else. */
export const NO_FILTERS = { externalTables: [], externalEnums: [] };

/** The little of Node's WebAssembly that is used here; TypeScript knows it only from the DOM library. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

/** The parts of the generated glue that its type file leaves out. */
interface EngineGlue {
  SchemaEngine: {
    new: (
      options: { datamodels: [string, string][] | undefined },
      log: (line: string) => void,
      adapter: object,
    ) => Promise<SchemaEngine>;
  };
  __wbg_set_wasm(exports: Record<string, unknown>): void;
}

let glue: Promise<EngineGlue> | undefined;

async function loadGlue(): Promise<EngineGlue> {
  const folder = path.dirname(createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm"));
  const loaded = (await import(pathToFileURL(path.join(folder, "schema_engine_bg.js")).href)) as EngineGlue;
  const bytes = await readFile(path.join(folder, "schema_engine_bg.wasm"));
  const { instance } = await WebAssembly.instantiate(bytes, { "./schema_engine_bg.js": withIdleTimers(loaded) });
  loaded.__wbg_set_wasm(instance.exports);
  const start = instance.exports["__wbindgen_start"];
  if (typeof start === "function") start();
  return loaded;
}

/**
 * The engine guards its commands with a timer of ten seconds that it never clears: such timers must not keep a process
 * that has done its work from ending.
 */
function withIdleTimers(imports: object): object {
  const idleTimer = (handler: () => void, delayMs: number): NodeJS.Timeout => setTimeout(handler, delayMs).unref();
  return Object.fromEntries(
    Object.entries(imports).map(([name, value]) => [name, name.startsWith("__wbg_setTimeout_") ? idleTimer : value]),
  );
}

/** A Prisma schema as the engine takes it. */
export function schemaContainer(file: string, content: string): SchemasContainer {
  return { files: [{ path: file, content }] };
}

/**
 * Opens the engine on a database, gives it to `work`, and frees it whatever happens.
 * The pool stays the caller's to end. Rejects with the engine's error, or with the
 * driver's own where that was the cause.
 */
export async function withSchemaEngine<T>(
  options: {
    readonly pool: MigrationPool;
    readonly schema?: { readonly file: string; readonly content: string };
  },
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  glue ??= loadGlue();
  const { SchemaEngine: Engine } = await glue;
  const { schema } = options;
  const adapter = bindMigrationAwareSqlAdapterFactory(wholeScriptAdapter(options.pool));
  const engine = await Engine.new(
    { datamodels: schema === undefined ? undefined : [[schema.file, schema.content]] },
    () => undefined,
    adapter,
  );
  try {
    return await work(engine);
  } catch (error) {
    // An error of the driver reaches the engine, and so us, as a number only.
    const id = /External error id#(\d+)/.exec(String(error))?.[1];
    const original = id === undefined ? undefined : adapter.errorRegistry.consumeError(Number(id));
    throw original?.error ?? error;
  } finally {
    engine.free();
  }
}
