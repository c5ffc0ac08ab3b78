/**
 * Children whose output comes through pipes of this process: they do not outlive it. For helper commands, and for runs on
 * systems where there is no spool.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { type ChildHost, type ChildSpec, childStartError, errorCodeOf, type StartedChild } from "./child-host.js";
import { pumpOutput } from "./output-pump.js";
import { describeProcess } from "./process-table.js";
import { isOver, StartRefused } from "./start-deadline.js";

/** Starts children of this process. */
export const pipeHost: ChildHost = { start };

async function start(spec: ChildSpec): Promise<StartedChild> {
  const child = await spawnChild(spec);
  const { pid, stdin, stdout, stderr } = child;
  if (stdout === null || stderr === null || pid === undefined) throw new Error("The child has no output pipes");
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  // A signal that could not be sent is told by `kill` itself.
  child.on("error", () => undefined);
  return {
    ...describeProcess(pid),
    isTakenOver: false,
    memo: spec.memo ?? null,
    stoppedForTimeout: false,
    exited,
    carry({ startWhen, tails, deliver, onError }) {
      const pumps = (
        [
          ["stdout", stdout],
          ["stderr", stderr],
        ] as const
      ).map(([name, stream]) =>
        pumpOutput({
          stream,
          tail: tails[name],
          startWhen,
          deliver: (text) => deliver(name, text),
          onError: (cause) => onError(name, cause),
        }),
      );
      return {
        done: Promise.all(pumps.map((pump) => pump.done)).then(() => undefined),
        finishLeftovers() {
          for (const pump of pumps) pump.finishLeftovers();
        },
      };
    },
    begin(onError) {
      stdin?.on("error", onError);
      stdin?.end(spec.stdin ?? "");
    },
    signalChild: (name) => child.kill(name),
    noteTimeout: () => undefined,
    letGo: null,
  };
}

async function spawnChild(spec: ChildSpec): Promise<ChildProcess> {
  let child: ChildProcess;
  if (spec.startBefore !== undefined && isOver(spec.startBefore)) throw new StartRefused();
  try {
    child = spawn(spec.executable, [...spec.args], spawnOptions(spec, spec.stdin !== undefined));
  } catch (cause) {
    throw childStartError(spec, { code: errorCodeOf(cause), cause });
  }
  if (child.pid === undefined) {
    const cause = await new Promise<unknown>((resolve) => child.once("error", resolve));
    throw childStartError(spec, { code: errorCodeOf(cause), cause });
  }
  return child;
}

/** How every child of a run is spawned (AD-41). */
export function spawnOptions(
  spec: Pick<ChildSpec, "cwd" | "env">,
  hasStdin: boolean,
): {
  cwd: string;
  env: Record<string, string>;
  detached: boolean;
  stdio: ["pipe" | "ignore", "pipe", "pipe"];
  windowsHide: true;
} {
  return {
    cwd: spec.cwd,
    env: { ...spec.env },
    // Its own group and session: signals reach everything it starts, and a Ctrl-C at the worker does not (AD-41).
    detached: process.platform !== "win32",
    stdio: [hasStdin ? "pipe" : "ignore", "pipe", "pipe"],
    windowsHide: true,
  };
}
