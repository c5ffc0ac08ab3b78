/**
 * Children whose life does not hang on their worker (BY-9): each run has a folder, each child it starts one inside, by
 * number, with its output and how it ended. Whoever takes a run over starts its adapter again with a host that, instead
 * of starting the children anew, reads what they printed from the beginning and goes on to their end.
 *
 * What must stay true: a child is started once, however often its run changes hands; a run's folder is removed only by
 * whoever knows that the run has ended.
 */
import { mkdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type ChildHost, type ChildSpec, childStartError, type StartedChild } from "../child/child-host.js";
import { isProcessAlive, signalProcess } from "../child/process-group.js";
import { StartRefused } from "../child/start-deadline.js";
import type { EnvironmentSource } from "../environment/inherited.js";
import { Keeper } from "./keeper.js";
import {
  CHILD_FILE,
  type ChildFile,
  childFileSchema,
  EXIT_FILE,
  exitFileSchema,
  namesIn,
  readWhole,
  TIMEOUT_FILE,
  writeWhole,
} from "./spool-files.js";
import { readSpool } from "./spool-reader.js";

const FOLDER_MODE = 0o700;

export interface SpoolOptions {
  /** On a disk of this host, the same for all its workers. Made when it is not there. */
  readonly dir: string;
  /** The worker's own environment. */
  readonly env: EnvironmentSource;
  /** The keeper's program. Default the one that is built beside this module. */
  readonly keeperScript?: string;
}

/** How far a run's output was handed on: which child, and where in its output the chunk begins that comes next. */
export interface SpoolPosition {
  /** 1 for the first child of the run; 0 before it. */
  readonly child: number;
  readonly offset: number;
}

/** What the spool says of a run whose worker is gone. */
export type SpooledChild =
  /** There is no spool, or the keeper of a child that has not ended is gone: nobody will ever know how it ends. */
  | { readonly kind: "none" }
  /** Its keeper lives and has not written its end. */
  | { readonly kind: "kept" }
  /** It ended. `unasked`: by SIGKILL, and no worker is known to have sent it. */
  | { readonly kind: "ended"; readonly unasked: boolean };

/** Where the children of one run are started, and how far their output was handed on. */
export interface RunSpool {
  readonly host: ChildHost;
  /** Of the output that is being handed on at this moment. */
  position(): SpoolPosition;
  /** True once a child of the run runs, or ran, that does not hang on this process. */
  hasChild(): boolean;
  /** True while the next child that is asked for was started by an earlier worker. */
  isReplaying(): boolean;
}

export interface Spool {
  /**
   * `resume` goes on with children that an earlier worker started; without it the run has none yet. `claimToken` is that
   * of the claim under which the run is executed now.
   */
  ofRun(run: { readonly runId: string; readonly claimToken: number; readonly resume: boolean }): RunSpool;
  /** The last child of a run, as far as this host knows. */
  look(runId: string): SpooledChild;
  /** The runs that have a folder. */
  runIds(): string[];
  /** The run has ended: nothing of it is kept. */
  remove(runId: string): Promise<void>;
  /** Starts what starts children, so that the first run need not wait for it. */
  warm(): void;
  /** This worker goes; its children may go on. */
  close(): void;
}

/** @throws the file system's error when the folder cannot be made. */
export function createSpool(options: SpoolOptions): Spool {
  const dir = path.resolve(options.dir);
  mkdirSync(dir, { recursive: true, mode: FOLDER_MODE });
  const keeperScript = options.keeperScript ?? fileURLToPath(new URL("./keeper-main.js", import.meta.url));
  const keeper = new Keeper({ dir, env: options.env, script: keeperScript });
  const folderOf = (runId: string): string => path.join(dir, folderName(runId));
  return {
    ofRun: (run) => runSpool({ ...run, folder: folderOf(run.runId), keeper }),
    look: (runId) => lookAt(folderOf(runId)),
    runIds: () => namesIn(dir).filter((name) => RUN_FOLDER.test(name)),
    remove: (runId) => rm(folderOf(runId), { recursive: true, force: true, maxRetries: 3 }),
    warm: () => keeper.warm(),
    close: () => keeper.close(),
  };
}

const RUN_FOLDER = /^[0-9a-f-]{36}$/;

/** No id from outside leads out of the folder. */
function folderName(runId: string): string {
  if (!RUN_FOLDER.test(runId)) throw new Error(`Not the id of a run: ${runId}`);
  return runId;
}

function lookAt(runFolder: string): SpooledChild {
  const last = Math.max(0, ...namesIn(runFolder).map(Number).filter(Number.isSafeInteger));
  const folder = path.join(runFolder, String(last));
  const child = last === 0 ? null : knownChild(runFolder, last);
  if (child === null) return { kind: "none" };
  // The keeper first: an end that it wrote before it went is seen afterwards.
  const keeperLives = isProcessAlive({ pid: child.keeperPid, startedAt: new Date(child.keeperStartedAt) });
  const exit = readWhole(folder, EXIT_FILE, exitFileSchema);
  if (exit === null) return { kind: keeperLives ? "kept" : "none" };
  return { kind: "ended", unasked: exit.signal === "SIGKILL" && !wasTimedOut(folder) };
}

function knownChild(runFolder: string, number: number): ChildFile | null {
  return readWhole(path.join(runFolder, String(number)), CHILD_FILE, childFileSchema);
}

function wasTimedOut(folder: string): boolean {
  return namesIn(folder).includes(TIMEOUT_FILE);
}

function runSpool(run: {
  readonly folder: string;
  readonly claimToken: number;
  readonly resume: boolean;
  readonly keeper: Keeper;
}): RunSpool {
  let position: SpoolPosition = { child: 0, offset: 0 };
  let started = 0;

  const start = async (spec: ChildSpec): Promise<StartedChild> => {
    const number = started + 1;
    const folder = path.join(run.folder, String(number));
    const known = run.resume ? knownChild(run.folder, number) : null;
    const { child, requestId } = known === null ? await startAnew(spec, folder) : { child: known, requestId: null };
    started = number;
    position = { child: number, offset: 0 };
    return watched({ spec, folder, child, requestId, number });
  };

  const startAnew = async (
    spec: ChildSpec,
    folder: string,
  ): Promise<{ readonly child: ChildFile; readonly requestId: number }> => {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    const { executable, args, cwd, env, memo, stdin, startBefore } = spec;
    const answer = await run.keeper.start({
      folder,
      spec: {
        executable,
        args,
        cwd,
        env,
        hasStdin: stdin !== undefined,
        ...(memo === undefined ? {} : { memo }),
        ...(startBefore === undefined ? {} : { startBefore }),
      },
    });
    if (answer.type === "tooLate") throw new StartRefused();
    if (answer.type === "failed") {
      const code = answer.code ?? undefined;
      throw childStartError(spec, { code, cause: new Error(answer.message) });
    }
    const child = readWhole(folder, CHILD_FILE, childFileSchema);
    if (child === null) throw new Error(`The spool of child ${answer.pid} is gone`);
    return { child, requestId: answer.id };
  };

  const watched = (of: {
    readonly spec: ChildSpec;
    readonly folder: string;
    readonly child: ChildFile;
    readonly requestId: number | null;
    readonly number: number;
  }): StartedChild => {
    const { spec, folder, child, requestId, number } = of;
    const { pid, processGroupId, memo } = child;
    const startedAt = new Date(child.startedAt);
    const reader = readSpool({
      folder,
      child,
      claimToken: run.claimToken,
      onPosition(offset) {
        position = { child: number, offset };
      },
    });
    return {
      pid,
      processGroupId,
      startedAt,
      memo,
      isTakenOver: requestId === null,
      stoppedForTimeout: wasTimedOut(folder),
      exited: reader.exited,
      carry: (carry) => reader.carry(carry),
      begin(onError) {
        if (requestId !== null) run.keeper.begin(requestId, spec.stdin ?? "", onError);
      },
      signalChild: (signal) => signalProcess({ pid, startedAt }, signal),
      noteTimeout: () => writeWhole(folder, TIMEOUT_FILE, {}),
      letGo: () => reader.stop(),
    };
  };

  return {
    host: { start },
    position: () => position,
    hasChild: () => started > 0,
    isReplaying: () => run.resume && knownChild(run.folder, started + 1) !== null,
  };
}
