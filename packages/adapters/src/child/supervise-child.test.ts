import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../conformance/recorded-run.js";
import { createTestSpool, newSpooledRun, type TestSpool } from "../conformance/test-spool.js";
import type { AdapterWarning } from "../contract.js";
import type { ChildHost } from "./child-host.js";
import { pipeHost } from "./pipe-host.js";
import { inspectProcess, signalGroup } from "./process-group.js";
import { type ChildOutcome, type SuperviseChildOptions, superviseChild } from "./supervise-child.js";

interface Watched {
  readonly outcome: ChildOutcome;
  readonly output: string;
  readonly warnings: readonly AdapterWarning[];
}

let spool: TestSpool;
let host: () => ChildHost;
beforeAll(() => {
  spool = createTestSpool();
});
afterAll(() => spool.remove());

async function watch(script: string, overrides: Partial<SuperviseChildOptions> = {}): Promise<Watched> {
  const warnings: AdapterWarning[] = [];
  let output = "";
  const outcome = await superviseChild({
    host: host(),
    command: "sh",
    executable: "/bin/sh",
    args: ["-c", script],
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "" },
    timeoutSec: 0,
    graceSec: 1,
    signal: new AbortController().signal,
    async onLog(_stream, chunk) {
      output += chunk;
    },
    onWarning: (warning) => warnings.push(warning),
    ...overrides,
  });
  return { outcome, output, warnings };
}

describe.each([
  { how: "a child of this process", hostOf: () => pipeHost },
  { how: "a child of the keeper, with a spool (BY-9)", hostOf: () => spool.spool.ofRun(newSpooledRun()).host },
])("AD-41 to AD-51 one supervised child: $how", ({ hostOf }) => {
  beforeAll(() => {
    host = hostOf;
  });

  it("AD-41 gives an empty stdin when there is nothing to send", async () => {
    expect((await watch("cat; echo end")).output).toBe("end\n");
  });

  it("AD-43 writes stdin after onSpawn settled, and closes it", async () => {
    const order: string[] = [];
    const { output } = await watch("cat", {
      stdin: "the prompt",
      async onSpawn() {
        await new Promise((resolve) => setImmediate(resolve));
        order.push("spawn");
      },
      async onLog(_stream, chunk) {
        order.push(chunk);
      },
    });
    expect(order).toEqual(["spawn", "the prompt"]);
    expect(output).toBe("");
  });

  it("AD-43 survives a child that ends without reading a large prompt", async () => {
    const { outcome, warnings } = await watch("exec <&-; exit 4", { stdin: "x".repeat(4 * 1024 * 1024) });
    expect(outcome.exitCode).toBe(4);
    await eventually("the warning", () => warnings.length > 0);
    expect(warnings.map((warning) => warning.code)).toEqual(["stdin_failed"]);
  });

  it("AD-44 loses nothing of a child that ends before onSpawn settles", async () => {
    let ended = false;
    const { output } = await watch("printf done", {
      async onSpawn(spawned) {
        await eventually("the child ended", async () => (await inspectProcess(spawned)) === "dead");
        ended = true;
      },
    });
    expect(ended).toBe(true);
    expect(output).toBe("done");
  });

  it("AD-45 keeps the end of each stream only, however much is printed", async () => {
    const { outcome } = await watch("yes 0123456789 | head -c 3000000; echo; echo the end", { captureBytes: 1000 });
    expect(outcome.stdout.totalBytes).toBe(3_000_009);
    expect(outcome.stdout.text().length).toBe(1000);
    expect(outcome.stdout.text().endsWith("\nthe end\n")).toBe(true);
  });

  it("AD-46 takes a limit longer than a timer can be for no limit at all", async () => {
    const { outcome } = await watch("echo quick", { timeoutSec: 10_000_000 });
    expect(outcome).toMatchObject({ exitCode: 0, timedOut: false, stop: null });
  });

  it("AD-46 does not time out while it delivers what an ended child printed", async () => {
    let first = true;
    const { outcome } = await watch("echo x; exit 2", {
      timeoutSec: 1,
      async onLog() {
        if (!first) return;
        first = false;
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      },
    });
    expect(outcome).toMatchObject({ exitCode: 2, timedOut: false });
  });

  it("AD-49 delivers everything to a slow host after the child ended", async () => {
    let bytes = 0;
    const { outcome } = await watch("head -c 150000 /dev/zero; exit 0", {
      async onLog(_stream, chunk) {
        bytes += chunk.length;
        await new Promise((resolve) => setTimeout(resolve, 700));
      },
    });
    expect(outcome.exitCode).toBe(0);
    expect(bytes).toBe(150_000);
  });

  it("AD-49 lets go of a process that left the group and keeps the output open", async () => {
    const { outcome, output } = await watch("setsid sleep 600 & echo pid=$!; exit 6");
    expect(outcome).toMatchObject({ exitCode: 6, timedOut: false, stop: { cause: "lingering" } });
    const daemon = Number(/pid=(\d+)/.exec(output)?.[1]);
    expect(signalGroup(daemon, "SIGKILL")).toBe(true);
  });

  it("AD-49 lets go of a process that left the group and prints without end", async () => {
    const { outcome, output } = await watch("setsid yes & echo pid=$!; exit 6", { captureBytes: 1000 });
    expect(outcome.exitCode).toBe(6);
    const daemon = Number(/pid=(\d+)/.exec(output)?.[1]);
    // It may have ended by itself: nobody reads its output any more.
    signalGroup(daemon, "SIGKILL");
  });

  it("AD-51 ends members of the group that closed their output and ignore SIGTERM", async () => {
    const controller = new AbortController();
    let output = "";
    const { outcome } = await watch(
      "(trap '' TERM; echo ready; exec >/dev/null 2>&1; while :; do sleep 0.05; done) & exec sleep 600",
      {
        signal: controller.signal,
        async onLog(_stream, chunk) {
          output += chunk;
          if (output.includes("ready")) controller.abort();
        },
      },
    );
    expect(outcome.stop).toEqual({ cause: "aborted", forceKilled: true });
    expect(await inspectProcess(outcome)).toBe("dead");
  });

  it("AD-120 stops a child whose adapter has all it needs, and keeps its outcome apart from a cancel", async () => {
    const finished = new AbortController();
    const { outcome } = await watch("echo result; exec sleep 600", {
      finished: finished.signal,
      async onLog() {
        finished.abort();
      },
    });
    expect(outcome).toMatchObject({
      timedOut: false,
      signal: "SIGTERM",
      stop: { cause: "finished", forceKilled: false },
    });
  });

  it("AD-42 explains a start that the system refused", async () => {
    const start = (overrides: Partial<SuperviseChildOptions>): Promise<Watched> => watch("true", overrides);
    await expect(start({ cwd: "/no/such/dir", env: { PATH: "/bin" } })).rejects.toThrow(
      'Failed to start command "sh" in "/no/such/dir". Verify adapter command, working directory, and PATH (/bin).',
    );
    await expect(start({ executable: "/etc/passwd" })).rejects.toThrow(
      'Failed to start command "sh" in "/": spawn EACCES',
    );
    await expect(start({ args: ["x".repeat(3_000_000)] })).rejects.toThrow(/E2BIG/);
  });

  it("AD-42 quotes no value when an argument or a variable cannot be passed", async () => {
    const refused = watch("true", { env: { SECRET: "hush\0" } });
    await expect(refused).rejects.toThrow(/NUL character/);
    await expect(refused).rejects.not.toThrow(/hush/);
  });
});
