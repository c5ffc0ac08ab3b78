/**
 * Adapters from packages that the configuration names, so that others can add theirs without a fork.
 *
 * What must stay true: a process that cannot load what it was told to load does not start, because agents of that type
 * would run as `process` instead (AD-4). A package's code runs inside of the API and the worker: whoever may set the
 * configuration is trusted with that.
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { resolve as resolveSpecifier } from "import-meta-resolve";
import type { Adapter } from "../contract.js";
import { type AdapterRegistry, builtInAdapters, createAdapterRegistry } from "../registry.js";
import { adapterProblems } from "./adapter-shape.js";

/** A package could not be loaded; `message` names it and says what to do. */
export class AdapterPackageError extends Error {
  override readonly name = "AdapterPackageError";
}

/**
 * The adapters of one package: its export `adapter`, `adapters` or `default`.
 * `name` is a package's name, or a path to a module file that begins with `/` or `.`; both are looked for from `folder`,
 * a package's name also beside Wakefleet itself.
 * @throws AdapterPackageError
 */
export async function loadAdapterPackage(name: string, folder: string = process.cwd()): Promise<readonly Adapter[]> {
  const exported = await importPackage(name, folder);
  const found = exported["adapters"] ?? exported["adapter"] ?? exported["default"];
  const adapters: readonly unknown[] = Array.isArray(found) ? found : [found];
  if (found === undefined || adapters.length === 0) {
    throw new AdapterPackageError(
      `The adapter package "${name}" exports no adapter. It must export \`adapter\`, \`adapters\` or a default.`,
    );
  }
  return adapters.map((adapter) => {
    const problems = adapterProblems(adapter);
    if (problems.length > 0) {
      throw new AdapterPackageError(`The adapter package "${name}" exports no valid adapter: ${problems.join("; ")}.`);
    }
    // Looked at just now.
    return adapter as Adapter;
  });
}

/**
 * The built-in adapters and those of the given packages.
 * @throws AdapterPackageError when one cannot be loaded or has a type that is taken.
 */
export async function loadAdapterRegistry(packages: readonly string[], folder?: string): Promise<AdapterRegistry> {
  const adapters = [...builtInAdapters()];
  for (const name of packages) {
    for (const adapter of await loadAdapterPackage(name, folder)) {
      if (adapters.some(({ type }) => type === adapter.type)) {
        throw new AdapterPackageError(
          `The adapter package "${name}" has the type "${adapter.type}", which is taken. Types are unique: rename it, or leave the package out.`,
        );
      }
      adapters.push(adapter);
    }
  }
  return createAdapterRegistry(adapters);
}

async function importPackage(name: string, folder: string): Promise<Readonly<Record<string, unknown>>> {
  const url = locate(name, folder);
  if (url === null) {
    throw new AdapterPackageError(
      `The adapter package "${name}" is not installed. Install it where Wakefleet is started (${folder}), or give the path of its module file.`,
    );
  }
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AdapterPackageError(`The adapter package "${name}" could not be loaded from ${url}: ${reason}`, {
      cause: error,
    });
  }
}

/** The address of a package's entry; null when there is none. */
function locate(name: string, folder: string): string | null {
  if (/^[./]/.test(name)) return pathToFileURL(path.resolve(folder, name)).href;
  for (const from of [pathToFileURL(path.join(folder, "package.json")).href, import.meta.url]) {
    try {
      return resolveSpecifier(name, from);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    }
  }
  return null;
}
