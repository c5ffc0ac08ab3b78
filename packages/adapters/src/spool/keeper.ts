/**
 * The worker's end of its keeper (`keeper-main.ts`): started when it is first needed, started anew when it died.
 *
 * What must stay true: it never keeps its worker alive, and its worker's end never ends it; it sees none of the worker's
 * secrets.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { ChildLost } from "../child/child-host.js";
import { type EnvironmentSource, inheritedEnvironment } from "../environment/inherited.js";
import type { KeeperAnswer, KeeperRequest } from "./keeper-messages.js";

type StartRequest = Extract<KeeperRequest, { type: "start" }>;
type StartAnswer = Extract<KeeperAnswer, { type: "started" | "failed" | "tooLate" }>;

export interface KeeperOptions {
  /** Where the spools lie; its messages go to `keeper.log` there. */
  readonly dir: string;
  /** The worker's own environment. */
  readonly env: EnvironmentSource;
  /** The keeper's program. */
  readonly script: string;
}

/** Starts children that outlive this process. */
export class Keeper {
  private child: ChildProcess | null = null;
  private nextId = 1;
  private readonly waiting = new Map<number, (answer: StartAnswer | null) => void>();
  private readonly stdinErrors = new Map<number, (cause: Error) => void>();

  constructor(private readonly options: KeeperOptions) {}

  /** Starts the keeper's process, unless it runs. */
  warm(): void {
    this.running();
  }

  /**
   * Starts a child. Resolves with the system's refusal when it could not be started, or the keeper's when it was too late.
   * @throws ChildLost when the keeper died before it answered.
   */
  async start(request: Omit<StartRequest, "type" | "id">): Promise<StartAnswer> {
    const id = this.nextId++;
    const keeper = this.running();
    const answer = await new Promise<StartAnswer | null>((resolve) => {
      this.waiting.set(id, resolve);
      keeper.send({ type: "start", id, ...request } satisfies KeeperRequest, (error) => {
        if (error !== null) this.settle(id, null);
      });
    });
    if (answer === null) throw new ChildLost("The process that starts children ended before it started this one");
    return answer;
  }

  /** The start of a child is recorded: it gets its stdin. */
  begin(id: number, stdin: string, onError: (cause: Error) => void): void {
    this.stdinErrors.set(id, onError);
    if (this.child?.connected === true) this.child.send({ type: "begin", id, stdin } satisfies KeeperRequest);
  }

  /** Nothing is told of this child any more. */
  forget(id: number): void {
    this.stdinErrors.delete(id);
  }

  /** Lets the keeper go: it ends when its last child has. */
  close(): void {
    if (this.child?.connected === true) this.child.disconnect();
  }

  private running(): ChildProcess {
    if (this.child?.connected === true) return this.child;
    const { dir, env, script } = this.options;
    const log = openSync(path.join(dir, "keeper.log"), "a", 0o600);
    const child = spawn(process.execPath, ["--max-old-space-size=64", script, dir], {
      detached: true,
      stdio: ["ignore", "ignore", log, "ipc"],
      // The folder says in the process table whose it is.
      env: { ...inheritedEnvironment(env), WAKEFLEET_SPOOL_DIR: dir },
      cwd: dir,
    });
    closeSync(log);
    this.child = child;
    child.on("message", (answer: KeeperAnswer) => {
      if (answer.type === "stdinFailed") this.stdinErrors.get(answer.id)?.(new Error(answer.message));
      else this.settle(answer.id, answer);
    });
    const end = (): void => {
      if (this.child !== child) return;
      this.child = null;
      for (const id of [...this.waiting.keys()]) this.settle(id, null);
    };
    child.once("exit", end);
    child.once("error", end);
    child.once("disconnect", end);
    child.unref();
    child.channel?.unref();
    return child;
  }

  private settle(id: number, answer: StartAnswer | null): void {
    const resolve = this.waiting.get(id);
    this.waiting.delete(id);
    resolve?.(answer);
  }
}
