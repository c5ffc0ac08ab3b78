/**
 * Whom PostgreSQL runs as when we are root: its programs refuse root (OP-3).
 *
 * A user of our own is best, because it owns nothing else; the machine's `postgres` or `nobody` serve where no user can
 * be made (a read-only /etc, no useradd).
 */
import { spawnSync } from "node:child_process";
import type { ProcessIdentity } from "./guarded-process.js";

const OWN_USER = "wakefleet";

/** Ways to make a system user without home and login, by distribution. */
const WAYS_TO_MAKE: readonly (readonly [string, readonly string[]])[] = [
  [
    "useradd",
    [
      "--system",
      "--user-group",
      "--no-create-home",
      "--home-dir",
      "/nonexistent",
      "--shell",
      "/usr/sbin/nologin",
      OWN_USER,
    ],
  ],
  ["adduser", ["-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", OWN_USER]],
];

/** True when this process is root and has to step down for PostgreSQL. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The identity to run PostgreSQL with; undefined when the caller is an ordinary user and can run it itself.
 * Throws when we are root and there is no unprivileged user at all.
 */
export function postgresIdentity(): ProcessIdentity | undefined {
  if (!isRoot()) return undefined;
  const found = lookUp(OWN_USER) ?? makeOwnUser() ?? lookUp("postgres") ?? lookUp("nobody");
  if (found === undefined) {
    throw new Error(
      "PostgreSQL refuses to run as root and no unprivileged user was found or could be made. " +
        `Make one (useradd --system ${OWN_USER}), run as an ordinary user, or set DATABASE_URL.`,
    );
  }
  return found;
}

function makeOwnUser(): ProcessIdentity | undefined {
  for (const [command, args] of WAYS_TO_MAKE) {
    if (spawnSync(command, [...args], { stdio: "ignore" }).status === 0) return lookUp(OWN_USER);
  }
  // Another process may have made it meanwhile.
  return lookUp(OWN_USER);
}

function lookUp(name: string): ProcessIdentity | undefined {
  const uid = idOf("-u", name);
  const gid = idOf("-g", name);
  return uid === undefined || gid === undefined || uid === 0 ? undefined : { uid, gid };
}

function idOf(flag: "-u" | "-g", name: string): number | undefined {
  const { status, stdout } = spawnSync("id", [flag, name], { encoding: "utf8" });
  const value = Number.parseInt(stdout ?? "", 10);
  return status === 0 && Number.isInteger(value) ? value : undefined;
}

/** True when `identity` may enter `folder` (all folders above it let it through). */
export function canEnter(folder: string, identity: ProcessIdentity | undefined): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { cwd: "/", stdio: "ignore", ...identity }).status === 0;
}
