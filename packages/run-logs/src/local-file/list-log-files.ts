/** The logs below a folder, found on the disk and not from anybody's account of them. */
import type { Dir, Dirent } from "node:fs";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { runIdOfRef } from "../log-ref.js";
import type { KeptRunLog } from "../run-log-store.js";
import { isMissing } from "./log-file.js";

/** Every log below `dir` that was last written `before`; none when there is no such folder. */
export async function* listLogFiles(dir: string, { before }: { readonly before: Date }): AsyncGenerator<KeptRunLog> {
  for await (const company of entriesOf(dir)) {
    if (!company.isDirectory()) continue;
    for await (const agent of entriesOf(join(dir, company.name))) {
      if (!agent.isDirectory()) continue;
      for await (const file of entriesOf(join(dir, company.name, agent.name))) {
        const ref = `${company.name}/${agent.name}/${file.name}`;
        const runId = runIdOfRef(ref);
        if (runId !== null && file.isFile() && (await wasWritten(join(dir, ref), { before }))) yield { ref, runId };
      }
    }
  }
}

async function* entriesOf(path: string): AsyncGenerator<Dirent> {
  let folder: Dir;
  try {
    folder = await opendir(path);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  // Closes itself at its end, and when whoever iterates stops.
  yield* folder;
}

async function wasWritten(path: string, { before }: { readonly before: Date }): Promise<boolean> {
  try {
    return (await stat(path)).mtime < before;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
