/**
 * Finds a Redis (or Valkey) server program, and installs one with the machine's own package manager where it may (OP-4).
 *
 * What must stay true: installing happens only when nothing was found, and leaves no service running that was not
 * running before (OP-5).
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { isRoot } from "./unprivileged-user.js";

const PROGRAMS = ["redis-server", "valkey-server"] as const;
/** Where package managers put servers that an ordinary PATH may not name. */
const USUAL_FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"];

interface PackageManager {
  readonly program: string;
  readonly needsRoot: boolean;
  /** Commands tried in this order until one works. */
  readonly commands: readonly (readonly string[])[];
}

const PACKAGE_MANAGERS: readonly PackageManager[] = [
  {
    program: "apt-get",
    needsRoot: true,
    commands: [
      ["apt-get", "install", "-y", "--no-install-recommends", "redis-server"],
      ["sh", "-c", "apt-get update && apt-get install -y --no-install-recommends redis-server"],
      ["apt-get", "install", "-y", "--no-install-recommends", "valkey-server"],
    ],
  },
  {
    program: "apk",
    needsRoot: true,
    commands: [
      ["apk", "add", "--no-cache", "redis"],
      ["apk", "add", "--no-cache", "valkey"],
    ],
  },
  {
    program: "dnf",
    needsRoot: true,
    commands: [
      ["dnf", "install", "-y", "redis"],
      ["dnf", "install", "-y", "valkey"],
    ],
  },
  { program: "brew", needsRoot: false, commands: [["brew", "install", "redis"]] },
];

/** Path of the server program on this machine, or null. */
export function findRedisServer(searchPath: string = process.env["PATH"] ?? ""): string | null {
  for (const program of PROGRAMS) {
    for (const folder of [...searchPath.split(delimiter), ...USUAL_FOLDERS]) {
      const file = join(folder, program);
      if (folder !== "" && isExecutable(file)) return file;
    }
  }
  return null;
}

/**
 * Path of a server program, installed if need be.
 * Rejects with one message that says which single command installs it, or to set REDIS_URL.
 */
export async function ensureRedisServer(onProgress: (line: string) => void = () => undefined): Promise<string> {
  const found = findRedisServer();
  if (found !== null) return found;
  const manager = PACKAGE_MANAGERS.find(({ program }) => isOnPath(program));
  if (manager === undefined) throw new Error(howToInstall("your package manager's install command for redis"));
  const command = manager.commands[0]?.join(" ") ?? "";
  if (manager.needsRoot !== isRoot())
    throw new Error(howToInstall(manager.needsRoot ? `sudo ${command}` : `${command} (not as root)`));
  onProgress(`Installing Redis: ${command}`);
  let said = "";
  for (const words of manager.commands) {
    said = await run(words);
    const installed = findRedisServer();
    if (installed !== null) {
      stopServiceOfNewPackage();
      return installed;
    }
  }
  throw new Error(
    `${howToInstall(command)}\nThe package manager said:\n${said.trim().split("\n").slice(-5).join("\n")}`,
  );
}

function howToInstall(command: string): string {
  return `Redis is needed and neither redis-server nor valkey-server is installed. Install it with: ${command}\nOr set REDIS_URL to a Redis of your own.`;
}

/** Some packages start a service when they are installed; this one has just come, so nobody else uses it. */
function stopServiceOfNewPackage(): void {
  if (!isOnPath("systemctl")) return;
  for (const service of PROGRAMS) spawnSync("systemctl", ["disable", "--now", service], { stdio: "ignore" });
}

function run([command, ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(command ?? "false", args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    let said = "";
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString("utf8")).slice(-8_192);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.once("error", (error) => resolve(error.message));
    child.once("close", () => resolve(said));
  });
}

function isOnPath(program: string): boolean {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((folder) => folder !== "" && isExecutable(join(folder, program)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
