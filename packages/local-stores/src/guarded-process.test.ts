import { openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { startGuarded } from "./guarded-process.js";

const log = (): number => openSync("/dev/null", "a");

describe("a guarded process", () => {
  it("OP-7 is stopped also when the wish comes before it listens to signals", async () => {
    // Begins with SIGINT ignored, as every job of a shell does, and listens late, as PostgreSQL does.
    const program = "setTimeout(() => process.on('SIGINT', () => process.exit(7)), 400); setInterval(() => {}, 1000);";
    const guarded = startGuarded({ command: process.execPath, args: ["-e", program], stopSignal: "INT", logFd: log() });
    await guarded.stop();
    expect(await guarded.exited).toBe(7);
    expect(guarded.isRunning()).toBe(false);
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
