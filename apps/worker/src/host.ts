/** Which host and boot this process runs on: pids are comparable only within one (DM-43). */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname, uptime } from "node:os";

export interface Host {
  readonly hostname: string;
  readonly bootId: string;
}

const LINUX_BOOT_ID = "/proc/sys/kernel/random/boot_id";
/** Processes of one container see each other's pids only within one pid namespace, so it belongs to the identity. */
const LINUX_PID_NAMESPACE = "/proc/self/ns/pid";

/** Reads the host's identity; `name` stands for the system's. Without a boot id of the system the time of the boot, to the minute, stands in for it. */
export function readHost(readLink: (path: string) => string, name: string = hostname()): Host {
  try {
    const boot = readFileSync(LINUX_BOOT_ID, "utf8").trim();
    return { hostname: name, bootId: `${boot}/${readLink(LINUX_PID_NAMESPACE)}` };
  } catch {
    const bootedAtMinute = Math.round((Date.now() / 1000 - uptime()) / 60);
    return {
      hostname: name,
      bootId: createHash("sha256").update(`${name}:${bootedAtMinute}`).digest("hex").slice(0, 32),
    };
  }
}
