import { existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { startGuarded } from "./guarded-process.js";

const log = (): number => openSync("/dev/null", "a");

/** Command lines of living processes whose environment has `mark`; empty where there is no /proc. */
function withMark(mark: string): string[] {
  if (!existsSync("/proc/self/environ")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")];
      } catch {
        // It ended meanwhile, or it is somebody else's.
        return [];
      }
    });
}

describe("a guarded process", () => {
  it("OP-7 is stopped also when the wish comes before it listens to signals", async () => {
    // Begins with SIGINT ignored, as every job of a shell does, and listens late, as PostgreSQL does.
    const program = "setTimeout(() => process.on('SIGINT', () => process.exit(7)), 400); setInterval(() => {}, 1000);";
    const guarded = startGuarded({ command: process.execPath, args: ["-e", program], stopSignal: "INT", logFd: log() });
    await guarded.stop();
    // 130: the signal came between Node's start, which no longer ignores it, and the handler.
    expect([7, 130]).toContain(await guarded.exited);
    expect(guarded.isRunning()).toBe(false);
  });

  it("OP-7 leaves no process of the guard behind, stopped or not", async () => {
    const mark = `wakefleet-guard-test-${process.pid}`;
    const env = { ...process.env, WAKEFLEET_GUARD_TEST: mark };
    const quick = startGuarded({ command: "/bin/sh", args: ["-c", "exit 0"], stopSignal: "TERM", logFd: log(), env });
    await quick.exited;
    expect(withMark(mark)).toEqual([]);
    const slow = "trap 'sleep 0.3; exit 5' TERM; while :; do sleep 0.05; done";
    const stopped = startGuarded({ command: "/bin/sh", args: ["-c", slow], stopSignal: "TERM", logFd: log(), env });
    await stopped.stop();
    expect([5, 143]).toContain(await stopped.exited);
    expect(withMark(mark)).toEqual([]);
  });

  it("OP-7 tells how it ended by itself", async () => {
    const guarded = startGuarded({ command: "/bin/sh", args: ["-c", "exit 3"], stopSignal: "TERM", logFd: log() });
    expect(await guarded.exited).toBe(3);
  });

  it("OP-7 that cannot be executed ends with 127", async () => {
    const guarded = startGuarded({ command: "/nonexistent", args: [], stopSignal: "TERM", logFd: log() });
    expect(await guarded.exited).toBe(127);
  });
});
