/** Run logs as files below one folder, one NDJSON file a run (LG-1 `local_file`). */
import { mkdir, rm, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { checkedRef, runLogRef } from "../log-ref.js";
import type { KeptRunLog, RunLogPage, RunLogStore, RunLogTailLine, RunLogWriter } from "../run-log-store.js";
import { listLogFiles } from "./list-log-files.js";
import { isMissing } from "./log-file.js";
import { readPage } from "./read-page.js";
import { openRunLogFile } from "./run-log-writer.js";
import { tailFile } from "./tail.js";

const FOLDER_MODE = 0o700;

export interface LocalRunLogStoreOptions {
  /** `RUN_LOG_DIR`. Made when it is first needed. */
  readonly dir: string;
  /** The clock of the lines' `ts`. */
  readonly now?: () => Date;
}

/** Makes the store; touches no file yet. Any number of processes on one disk may share `dir`. */
export function createLocalRunLogStore(options: LocalRunLogStoreOptions): RunLogStore {
  const dir = resolve(options.dir);
  const now = options.now ?? (() => new Date());
  const pathOf = (ref: string): string => resolve(dir, checkedRef(ref));
  return {
    kind: "local_file",
    refOf: runLogRef,
    async openRunLog(open): Promise<RunLogWriter> {
      const ref = runLogRef(open);
      const file = { ...open, ref, path: pathOf(ref), now };
      try {
        return await openRunLogFile(file);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      // An agent's first run here: all others are spared the question.
      await mkdir(dirname(file.path), { recursive: true, mode: FOLDER_MODE });
      return openRunLogFile(file);
    },
    async read({ ref, offset, limitBytes }): Promise<RunLogPage | null> {
      return readPage({ path: pathOf(ref), offset, limitBytes });
    },
    tail(tail): AsyncIterable<RunLogTailLine> {
      return tailFile(pathOf(tail.ref), tail);
    },
    async forgetMark(ref): Promise<void> {
      await rm(`${pathOf(ref)}.mark`, { force: true });
    },
    list({ quietForMs }): AsyncIterable<KeptRunLog> {
      return listLogFiles(dir, { before: new Date(now().getTime() - quietForMs) });
    },
    async remove(ref): Promise<boolean> {
      const path = pathOf(ref);
      for (const beside of ["tail", "mark", "taken"]) await rm(`${path}.${beside}`, { force: true });
      try {
        await unlink(path);
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
  };
}
