/**
 * Where a run's child is started and how its output comes back: the seam between watching a child and what its life hangs
 * on. `pipe-host.ts` starts it as this process's own; the spool (BY-9) starts it so that it outlives its worker.
 *
 * What must stay true: whoever watches a child asks no more of it than this, so that the same rules hold for both.
 */
import type { JsonObject, OutputStream } from "@wakefleet/contracts";
import type { SpawnInfo } from "../contract/spawn-info.js";
import type { OutputTail } from "./output-tail.js";
import type { StartDeadline } from "./start-deadline.js";

/** What is to be started. */
export interface ChildSpec {
  /** The command as configured, for messages. */
  readonly command: string;
  /** What `resolveCommand` made of it. */
  readonly executable: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** Without it the child's stdin is empty (AD-41). */
  readonly stdin?: string;
  /** What whoever takes the child over must know of how it was started; no secrets. */
  readonly memo?: JsonObject;
  /** Not started from then on (RL-4). Absent: whenever it comes to it. */
  readonly startBefore?: StartDeadline;
}

/** How a child ended: one of the two is null. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CarryOptions {
  /** Nothing is delivered before it settles. */
  readonly startWhen: Promise<unknown>;
  readonly tails: Readonly<Record<OutputStream, OutputTail>>;
  /** Never rejects; the next chunk of the stream waits for it. */
  deliver(stream: OutputStream, text: string): Promise<void>;
  onError(stream: OutputStream, cause: unknown): void;
}

/** Output on its way from a child to its host. */
export interface OutputCarrier {
  /** Resolves when the output is over and everything was delivered, or when the child was let go. Never rejects. */
  readonly done: Promise<void>;
  /** Nobody of the child's group is left: delivers what there is, then is done, whoever still holds the output open. */
  finishLeftovers(): void;
}

/** A child that runs, or ran. */
export interface StartedChild extends SpawnInfo {
  /** True for a child that another worker started: it was announced and got its stdin then. */
  readonly isTakenOver: boolean;
  /** `memo` of the spec it was started with; null for none. */
  readonly memo: JsonObject | null;
  /** Set when an earlier worker stopped it for its time limit. */
  readonly stoppedForTimeout: boolean;
  /** Rejects with {@link ChildLost} when nobody will ever know. */
  readonly exited: Promise<ChildExit>;
  /** Called once, right after the start. */
  carry(options: CarryOptions): OutputCarrier;
  /** Its start is recorded: stdin is written, then closed. `onError` is told of a child that did not read it (AD-43). */
  begin(onError: (cause: Error) => void): void;
  /** Signals the child alone; false when it could not be. */
  signalChild(signal: NodeJS.Signals): boolean;
  /** It is about to be stopped for its time limit: whoever takes it over in the middle must know. */
  noteTimeout(): void;
  /** Stops watching and leaves the child as it is. Null where it cannot live without this process. */
  readonly letGo: (() => void) | null;
}

/** Starts children. */
export interface ChildHost {
  /**
   * @throws Error with the texts of AD-42 when the child cannot be started; `StartRefused` when its `startBefore` was over.
   */
  start(spec: ChildSpec): Promise<StartedChild>;
}

/** What a child's life hung on is gone: how it ended, or whether it has, will never be known (PL-4). */
export class ChildLost extends Error {
  override readonly name = "ChildLost";
}

/** AD-42. The reason is the system's code alone: Node's own text may quote an argument or a variable's value. */
export function childStartError(
  spec: Pick<ChildSpec, "command" | "cwd" | "env">,
  reason: { readonly code: string | undefined; readonly cause?: unknown },
): Error {
  const { code, cause } = reason;
  const start = `Failed to start command "${spec.command}" in "${spec.cwd}"`;
  if (code === "ENOENT") {
    const searched = spec.env["PATH"] ?? "";
    return new Error(`${start}. Verify adapter command, working directory, and PATH (${searched}).`, { cause });
  }
  if (code === "E2BIG") {
    return new Error(`${start}: E2BIG: its arguments and environment are longer than the system allows`, { cause });
  }
  if (code?.startsWith("ERR_INVALID_ARG")) {
    return new Error(`${start}: an argument or a variable holds a NUL character`);
  }
  return new Error(`${start}: ${code === undefined ? String(cause) : `spawn ${code}`}`, { cause });
}

/** The system's code of an error; undefined when it has none. */
export function errorCodeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
