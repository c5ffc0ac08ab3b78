/**
 * What every adapter that spawns a process must do, whatever its command line and its output look like (STY-61).
 * Call `describeAdapterConformance` in a test file; it registers its cases with vitest.
 */
import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectProcess } from "../child/process-group.js";
import { type Adapter, RunAborted, type SpawnInfo } from "../contract.js";
import { createProgramFolder, type ProgramFolder } from "./agent-programs.js";
import { eventually, type RecordedRun, type RunOverrides, recordRun, TEST_IDS } from "./recorded-run.js";
import { createTestSpool, newSpooledRun } from "./test-spool.js";

export interface ConformanceSubject {
  readonly adapter: Adapter;
  /** Settings that make the adapter run this executable file as its tool. */
  configFor(executable: string): JsonObject;
  /** What the tool prints at the end of a run that went well, such as its terminal event. Default nothing. */
  readonly successOutput?: string;
}

const TEST_TIMEOUT_MS = 30_000;
const MIB = 1024 * 1024;

async function expectGroupGone(spawned: SpawnInfo | undefined): Promise<void> {
  if (spawned === undefined) throw new Error("The adapter never called onSpawn");
  expect(await inspectProcess(spawned)).toBe("dead");
}

export function describeAdapterConformance(subject: ConformanceSubject): void {
  describe(`adapter conformance: ${subject.adapter.type}`, { timeout: TEST_TIMEOUT_MS }, () => {
    let programs: ProgramFolder;
    beforeAll(async () => {
      programs = await createProgramFolder();
    });
    afterAll(async () => {
      await programs.remove();
    });

    const run = async (
      executable: string,
      overrides: Omit<RunOverrides, "config"> & { readonly config?: JsonObject } = {},
    ): Promise<RecordedRun> =>
      await recordRun(subject.adapter, {
        ...overrides,
        config: { cwd: programs.directory, ...subject.configFor(executable), ...overrides.config },
      });
    /** Aborts as soon as the program printed `ready`. */
    const runUntilReady = async (executable: string, config: JsonObject = {}): Promise<RecordedRun> => {
      const controller = new AbortController();
      let seen = "";
      return await run(executable, {
        config,
        execution: { signal: controller.signal },
        onChunk(_stream, chunk) {
          seen += chunk;
          if (seen.includes("ready")) controller.abort(new RunAborted("cancelled", "Cancelled by a test"));
        },
      });
    };
    const success = (): string => `cat <<'SUCCESS'\n${subject.successOutput ?? ""}\nSUCCESS\nexit 0`;

    it("AD-19 reports success with an exit code of 0 and no error", async () => {
      const recorded = await run(await programs.shell("success", `echo hello\n${success()}`));
      expect(recorded.result).toMatchObject({ exitCode: 0, signal: null, timedOut: false });
      expect(recorded.result.errorMessage ?? null).toBeNull();
      expect(recorded.stdout).toContain("hello\n");
    });

    it("AD-12 AD-331 reads its settings from the run's config, never from what is stored with the agent", async () => {
      const decoy = await programs.shell("decoy", `echo decoy\n${success()}`);
      const agent = {
        id: TEST_IDS.agentId,
        companyId: TEST_IDS.companyId,
        name: "Tester",
        adapterType: subject.adapter.type,
        adapterConfig: { cwd: programs.directory, ...subject.configFor(decoy) },
      };
      const recorded = await run(await programs.shell("chosen", `echo chosen\n${success()}`), { execution: { agent } });
      expect(recorded.stdout).toContain("chosen\n");
      expect(recorded.stdout).not.toContain("decoy");
    });

    it("AD-16 AD-17 tells what it invokes, then the process, before any output", async () => {
      const recorded = await run(await programs.shell("order", `echo hello\n${success()}`));
      expect(recorded.order.slice(0, 3)).toEqual(["meta", "spawn", "log"]);
      expect(recorded.metas).toHaveLength(1);
      expect(recorded.spawns).toHaveLength(1);
      expect(recorded.spawns[0]?.processGroupId).toBe(recorded.spawns[0]?.pid);
      await expectGroupGone(recorded.spawns[0]);
    });

    it("AD-17 PL-2 reports the living process as the operating system knows it", async () => {
      const controller = new AbortController();
      let seen = "";
      await run(await programs.shell("living", "exec sleep 600"), {
        execution: { signal: controller.signal },
        async onSpawned(spawned) {
          seen = await inspectProcess(spawned);
          controller.abort(new RunAborted("cancelled", "Seen enough"));
        },
      });
      expect(seen).toBe("alive");
    });

    it("AD-30 reports a non-zero exit code with a message", async () => {
      const { result } = await run(await programs.shell("failure", "exit 7"));
      expect(result).toMatchObject({ exitCode: 7, signal: null, timedOut: false });
      expect(result.errorMessage).toBeTruthy();
    });

    it("AD-29 reports a child that a signal ended as a failure", async () => {
      const { result } = await run(await programs.shell("signalled", "kill -KILL $$"));
      expect(result).toMatchObject({
        exitCode: null,
        signal: "SIGKILL",
        timedOut: false,
        errorMessage: "Process terminated by signal SIGKILL",
      });
    });

    it("AD-46 stops a child whose time is up", async () => {
      const recorded = await run(await programs.shell("slow", "exec sleep 600"), { config: { timeoutSec: 1 } });
      expect(recorded.result).toMatchObject({ timedOut: true, errorMessage: "Timed out after 1s" });
      await expectGroupGone(recorded.spawns[0]);
    });

    it("AD-48 stops a cancelled child, and never calls it a success", async () => {
      const recorded = await runUntilReady(
        await programs.shell("cancelled", "trap 'exit 0' TERM\necho ready\nwhile :; do sleep 0.05; done"),
      );
      expect(recorded.result.timedOut).toBe(false);
      expect(recorded.result.errorMessage).toBe("Cancelled by a test");
      await expectGroupGone(recorded.spawns[0]);
    });

    it("AD-51 kills a child that ignores SIGTERM", async () => {
      const recorded = await runUntilReady(
        await programs.shell("stubborn", "trap '' TERM\necho ready\nwhile :; do sleep 0.05; done"),
        { graceSec: 1 },
      );
      expect(recorded.result.signal).toBe("SIGKILL");
      await expectGroupGone(recorded.spawns[0]);
    });

    it("AD-44 AD-45 delivers ten megabytes of multi-byte text in odd pieces unharmed", async () => {
      const program = await programs.node(
        "huge",
        `const fs = require("node:fs"), crypto = require("node:crypto");
         const bytes = Buffer.from("aé€😀\\n".repeat(Math.ceil(10 * ${MIB} / 11)));
         for (let at = 0; at < bytes.length; ) {
           const size = 1 + crypto.randomInt(60000);
           at += fs.writeSync(1, bytes, at, Math.min(size, bytes.length - at));
         }
         fs.writeSync(2, crypto.createHash("sha256").update(bytes).digest("hex"));
         process.exitCode = 3;`,
      );
      const recorded = await run(program);
      expect(recorded.stdout).not.toContain("\uFFFD");
      expect(createHash("sha256").update(recorded.stdout).digest("hex")).toBe(recorded.stderr.trim());
    });

    it("AD-44 delivers output that does not end with a newline", async () => {
      const recorded = await run(await programs.shell("unended", "printf 'no newline'\nexit 1"));
      expect(recorded.stdout.endsWith("no newline")).toBe(true);
    });

    it("AD-44 puts characters together that arrive byte by byte", async () => {
      const text = "aé€😀";
      const program = await programs.node(
        "bytes",
        `const fs = require("node:fs");
         const pause = new Int32Array(new SharedArrayBuffer(4));
         for (const byte of Buffer.from(${JSON.stringify(text)})) { fs.writeSync(1, Buffer.from([byte])); Atomics.wait(pause, 0, 0, 5); }
         process.exitCode = 3;`,
      );
      expect((await run(program)).stdout).toBe(text);
    });

    it("AD-15 AD-44 LG-8 holds back a child whose output nobody takes, and calls onLog one at a time", async () => {
      const progressFile = path.join(programs.directory, "progress");
      const program = await programs.node(
        "fast",
        `const fs = require("node:fs");
         const piece = Buffer.alloc(65536, "x");
         for (let n = 1; n <= 128; n += 1) {
           for (let at = 0; at < piece.length; ) at += fs.writeSync(1, piece, at);
           fs.writeFileSync(${JSON.stringify(progressFile)}, String(n));
         }
         fs.writeSync(2, "end");
         process.exitCode = 3;`,
      );
      const progress = async (): Promise<number> => Number(await readFile(progressFile, "utf8").catch(() => "0"));
      let inside = 0;
      let most = 0;
      let whenHeld: number | null = null;
      const recorded = await run(program, {
        async onChunk() {
          inside += 1;
          most = Math.max(most, inside);
          if (whenHeld === null) {
            let before = -1;
            whenHeld = await eventually("the child stands still", async () => {
              await new Promise((resolve) => setTimeout(resolve, 100));
              const now = await progress();
              const stands = now === before && now > 0;
              before = now;
              return stands ? now : undefined;
            });
          }
          inside -= 1;
        },
      });
      expect(most).toBe(1);
      expect(whenHeld).toBeLessThan(64);
      expect(recorded.stdout.length).toBe(128 * 65536);
    });

    it("AD-44 goes on when onLog throws", async () => {
      const recorded = await run(await programs.shell("throwing", `echo one\necho two\n${success()}`), {
        onChunk() {
          throw new Error("disk full");
        },
      });
      expect(recorded.result.exitCode).toBe(0);
      expect(recorded.warnings.map((warning) => warning.code)).toContain("on_log_failed");
    });

    it("BY-9 taken over in the middle, it reads all of it again and reports as if nothing had happened", async () => {
      const test = createTestSpool();
      const go = path.join(programs.directory, "go");
      const program = await programs.shell(
        "taken-over",
        `echo before\nwhile [ ! -e "${go}" ]; do sleep 0.02; done\necho after\n${success()}`,
      );
      const ids = newSpooledRun();
      const control = new AbortController();
      let started: SpawnInfo | undefined;
      try {
        const first = run(program, {
          execution: { signal: control.signal, childHost: test.spool.ofRun(ids).host },
          onSpawned(spawned) {
            started = spawned;
          },
          onChunk(_stream, chunk) {
            if (chunk.includes("before")) control.abort(new RunAborted("handed_over", "The worker is stopping"));
          },
        });
        await expect(first).rejects.toThrow("The worker is stopping");
        await writeFile(go, "");
        const next = test.reopen().ofRun({ ...ids, claimToken: 2, resume: true });
        const second = await run(program, { execution: { childHost: next.host } });
        expect(second.result).toMatchObject({ exitCode: 0, signal: null, timedOut: false });
        expect(second.result.errorMessage ?? null).toBeNull();
        expect(second.stdout).toMatch(/before\n[\s\S]*after\n/);
        expect(second.spawns).toEqual([]);
        await expectGroupGone(started);
      } finally {
        await rm(go, { force: true });
        test.remove();
      }
    });

    it("AD-43 goes on when the start cannot be recorded", async () => {
      const recorded = await run(await programs.shell("unrecorded", success()), {
        onSpawned() {
          throw new Error("store away");
        },
      });
      expect(recorded.result.exitCode).toBe(0);
      expect(recorded.warnings.map((warning) => warning.code)).toContain("on_spawn_failed");
    });

    it("AD-48 takes grandchildren along when it is cancelled", async () => {
      const recorded = await runUntilReady(
        await programs.shell("family", "sleep 600 >/dev/null 2>&1 &\necho pid=$!\necho ready\nwait"),
      );
      const grandchild = Number(/pid=(\d+)/.exec(recorded.stdout)?.[1]);
      expect(grandchild).toBeGreaterThan(0);
      expect(await inspectProcess({ pid: grandchild, processGroupId: null, startedAt: null })).toBe("dead");
      await expectGroupGone(recorded.spawns[0]);
    });

    it("AD-49 ends with the child's own status when a grandchild keeps the output open", async () => {
      const recorded = await run(await programs.shell("lingering", "echo before\nsleep 600 &\nexit 5"), {
        config: { graceSec: 1 },
      });
      expect(recorded.result).toMatchObject({ exitCode: 5, signal: null, timedOut: false });
      expect(recorded.stdout).toBe("before\n");
      await expectGroupGone(recorded.spawns[0]);
    });

    it("AD-52 AD-53 shows the agent who it is, and none of the worker's secrets", async () => {
      const recorded = await run(await programs.shell("environment", `env\nexit 3`), {
        context: { taskId: "task-1", wakeReason: "because" },
        execution: {
          workerEnv: {
            PATH: process.env["PATH"],
            HOME: "/home/worker",
            KEPT: "yes",
            DATABASE_URL: "postgresql://leak",
            SHADOW_DATABASE_URL: "postgresql://leak",
            REDIS_URL: "redis://leak",
            REDIS_PASSWORD: "leak",
            PGPASSWORD: "leak",
            AUTH_SECRET: "leak",
            SECRETS_KEY: "leak",
            RUN_LOG_S3_SECRET_ACCESS_KEY: "leak",
            WAKEFLEET_SECRETS_MASTER_KEY_FILE: "/leak",
            PAPERCLIP_AGENT_JWT_SECRET: "leak",
          },
        },
      });
      expect(recorded.stdout).not.toContain("leak");
      for (const line of [
        "KEPT=yes",
        `WAKEFLEET_RUN_ID=${TEST_IDS.runId}`,
        `PAPERCLIP_RUN_ID=${TEST_IDS.runId}`,
        `WAKEFLEET_AGENT_ID=${TEST_IDS.agentId}`,
        `PAPERCLIP_COMPANY_ID=${TEST_IDS.companyId}`,
        "WAKEFLEET_TASK_ID=task-1",
        "PAPERCLIP_WAKE_REASON=because",
        "WAKEFLEET_API_URL=http://localhost:3100",
      ]) {
        expect(recorded.stdout.split("\n")).toContain(line);
      }
    });

    it("AD-54 AD-56 gives config variables to the agent, keeps identity, and hides secrets in the log", async () => {
      const recorded = await run(await programs.shell("configured", `env\nexit 3`), {
        config: { env: { MY_TOKEN: "s3cret", WAKEFLEET_RUN_ID: "forged", PAPERCLIP_AGENT_ID: "forged" } },
      });
      expect(recorded.stdout.split("\n")).toEqual(
        expect.arrayContaining(["MY_TOKEN=s3cret", `WAKEFLEET_RUN_ID=${TEST_IDS.runId}`]),
      );
      expect(recorded.stdout).not.toContain("forged");
      expect(recorded.metas[0]?.env["MY_TOKEN"]).toBe("***REDACTED***");
      expect(JSON.stringify(recorded.metas)).not.toContain("s3cret");
    });

    it("AD-43 survives a child that ends without reading a prompt of a megabyte", async () => {
      const { result } = await run(await programs.shell("unread", "exec <&-\nexit 9"), {
        config: { promptTemplate: "x".repeat(MIB) },
      });
      expect(result.exitCode).toBe(9);
    });

    it("AD-42 says which command it could not find", async () => {
      const missing = path.join(programs.directory, "missing");
      await expect(run(missing)).rejects.toThrow(`Command is not executable: "${missing}" (resolved: "${missing}")`);
    });

    it("AD-14 refuses a remote target instead of running on the worker", async () => {
      const program = await programs.shell("remote", success());
      const executionTarget = { kind: "remote", transport: "ssh", remoteCwd: "/srv" } as const;
      await expect(run(program, { execution: { executionTarget } })).rejects.toThrow(/remote target/);
    });

    it("EX-10 starts nothing for a run that is aborted already", async () => {
      const signal = AbortSignal.abort(new RunAborted("lease_lost", "Lease was lost"));
      const recorded = await run(await programs.shell("late", success()), { execution: { signal } });
      expect(recorded.spawns).toEqual([]);
      expect(recorded.result.errorMessage).toBe("Lease was lost");
    });
  });
}
