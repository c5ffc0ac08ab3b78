#!/usr/bin/env node
/**
 * Brings a checkout to the point where everything can run: the right Node, the dependencies of the lock file, the build.
 * Every command begins with it, so that none needs another before it (OP-1). Imports nothing that has to be installed.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { withSetupLock } from "./support/lock.mjs";
import { npm, ROOT, run } from "./support/run.mjs";
import { runMain, step } from "./support/say.mjs";

const LEAST_NODE = [20, 11];

/** Installs and builds what is missing or out of date; quick when nothing is. */
export async function ensureSetup() {
  checkNode();
  await withSetupLock(async () => {
    await installLocked({ folder: ROOT, what: "dependencies" });
    await build();
  });
}

/** Installs what the lock file of `folder` says and is not there; quick when nothing is missing. */
export async function installLocked({ folder, what }) {
  if (missingDependency(folder) === null) return;
  await step(`Installing ${what} from the lock file`, async () => {
    const [command, ...args] = npm();
    // Install scripts are never needed (OP-6), and differ between npm versions in whether they run.
    // Not `ci`: it refuses a lock file written where a registry mirror lacks other platforms' optional packages, and
    // takes node_modules from under whatever is running. What was installed is compared with the lock file below.
    const flags = ["--no-save", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
    await run(command, [...args, "--prefix", folder, "install", ...flags], { quiet: true });
  });
  const still = missingDependency(folder);
  if (still !== null) {
    const modules = join(folder, "node_modules");
    throw new Error(`npm ended well, but ${still} is not installed as locked. Delete ${modules} and try again.`);
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new Error(`Wakefleet needs Node.js ${LEAST_NODE.join(".")} or newer; this is ${process.versions.node}.`);
}

/**
 * A package of the lock file that is not installed in the locked version, or null. Compared by content: times say
 * nothing after a checkout. npm keeps what it installed in node_modules/.package-lock.json.
 */
function missingDependency(folder) {
  const installedFile = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return "node_modules";
  const wanted = packagesOf(join(folder, "package-lock.json"));
  const installed = packagesOf(installedFile);
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.includes("node_modules/")) continue;
    const found = installed[path];
    // What belongs to other platforms is in the lock file and nowhere else.
    if (found === undefined && (entry.optional === true || entry.devOptional === true || entry.peer === true)) continue;
    if (found === undefined || found.version !== entry.version) return path;
  }
  return null;
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await runMain(ensureSetup);
