/**
 * The keeper: the process that starts the children of one worker, writes what they print into their spools and how they
 * ended beside it (BY-9). A worker that stops, crashes or is replaced leaves it and its children as they are; it ends by
 * itself when its worker is gone and its last child has ended.
 *
 * What must stay true: it holds no connection to any store and knows nothing of runs; nothing it does waits for its
 * worker, but for a child that printed far more than anybody read; a child whose start was not recorded when the worker
 * went away is ended, since nobody would ever look for it; the last thing before a child's start is a look at the clock,
 * since its run may have been given away while somebody stood still (RL-4).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { errorCodeOf } from "../child/child-host.js";
import { spawnOptions } from "../child/pipe-host.js";
import { signalGroup } from "../child/process-group.js";
import { describeProcess } from "../child/process-table.js";
import { isOver } from "../child/start-deadline.js";
import type { KeeperAnswer, KeeperRequest } from "./keeper-messages.js";
import { createSegmentWriter } from "./segment-writer.js";
import { CHILD_FILE, CLOSED_FILE, EXIT_FILE, writeWhole } from "./spool-files.js";

type StartRequest = Extract<KeeperRequest, { type: "start" }>;

/** How often the spool of a child that has ended is looked for while somebody holds its output open, milliseconds. */
const GONE_LOOK_MS = 5_000;

interface Kept {
  readonly process: ChildProcess;
  begun: boolean;
}

const children = new Map<number, Kept>();
const self = describeProcess(process.pid);
let workerIsGone = false;

function answer(message: KeeperAnswer): void {
  if (process.connected) process.send?.(message);
}

async function startChild(request: StartRequest): Promise<void> {
  const { id, spec, folder } = request;
  const fail = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    answer({ type: "failed", id, code: errorCodeOf(error) ?? null, message });
  };
  let child: ChildProcess;
  if (spec.startBefore !== undefined && isOver(spec.startBefore)) {
    answer({ type: "tooLate", id });
    return;
  }
  try {
    child = spawn(spec.executable, [...spec.args], spawnOptions(spec, spec.hasStdin));
  } catch (error) {
    fail(error);
    return;
  }
  if (child.pid === undefined) {
    child.once("error", fail);
    return;
  }
  const described = describeProcess(child.pid);
  const { pid, processGroupId } = described;
  const startedAt = described.startedAt.toISOString();
  children.set(id, { process: child, begun: false });
  child.on("error", () => undefined);
  child.stdin?.on("error", (error) => answer({ type: "stdinFailed", id, message: error.message }));
  keep(id, child, folder);
  writeWhole(folder, CHILD_FILE, {
    pid,
    processGroupId,
    startedAt,
    keeperPid: self.pid,
    keeperStartedAt: self.startedAt.toISOString(),
    memo: spec.memo ?? null,
  });
  answer({ type: "started", id, pid, processGroupId, startedAt });
}

/** Writes down what the child prints and how it ends. */
function keep(id: number, child: ChildProcess, folder: string): void {
  const streams = [child.stdout, child.stderr];
  const letGo = (): void => {
    for (const stream of streams) stream?.destroy();
  };
  const writer = createSegmentWriter({
    folder,
    onRoom() {
      for (const stream of streams) stream?.resume();
    },
    onGone: letGo,
  });
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (chunk: Buffer) => {
      if (writer.write(name, chunk)) return;
      for (const stream of streams) stream?.pause();
    });
    // A broken pipe is its end.
    child[name]?.on("error", () => undefined);
  }
  let watch: NodeJS.Timeout | undefined;
  child.once("exit", (code, signal) => {
    writeIfWanted(folder, EXIT_FILE, { code, signal });
    watch = setInterval(() => {
      if (!existsSync(folder)) letGo();
    }, GONE_LOOK_MS);
  });
  child.once("close", () => {
    clearInterval(watch);
    const finish = (): void => {
      // A full disk: what was printed is written when there is room.
      if (writer.hasPending && existsSync(folder)) {
        setTimeout(finish, GONE_LOOK_MS);
        return;
      }
      writeIfWanted(folder, CLOSED_FILE, { totalBytes: writer.totalBytes });
      writer.close();
      children.delete(id);
      endWhenDone();
    };
    finish();
  });
}

/** The folder may be gone: the run is over and nobody asks any more. */
function writeIfWanted(folder: string, name: string, content: Parameters<typeof writeWhole>[2]): void {
  if (existsSync(folder)) writeWhole(folder, name, content);
}

function begin(id: number, stdin: string): void {
  const kept = children.get(id);
  if (kept !== undefined) kept.begun = true;
  if (kept?.process.stdin?.writable === true) kept.process.stdin.end(stdin);
  else if (stdin !== "") answer({ type: "stdinFailed", id, message: "It had ended or closed its stdin before" });
}

function endWhenDone(): void {
  if (workerIsGone && children.size === 0) process.exit(0);
}

process.on("message", (request: KeeperRequest) => {
  if (request.type === "start") void startChild(request);
  else begin(request.id, request.stdin);
});
process.on("disconnect", () => {
  workerIsGone = true;
  for (const { process: child, begun } of children.values()) {
    if (!begun && child.pid !== undefined && !signalGroup(child.pid, "SIGKILL")) child.kill("SIGKILL");
  }
  endWhenDone();
});
// It goes when its children have gone: a service manager's TERM reaches them, too.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
