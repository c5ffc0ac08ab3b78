/**
 * Folders that one run's agent is given in the system's temporary folder (AD-205, AD-232). They bear the run's id, so that
 * what a killed worker left there is removed by whoever knows that the run has ended: until then its child may read it.
 *
 * What must stay true: only folders of this user with such a name are removed; a name that somebody else made up leads
 * nowhere else.
 */
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const PREFIX = "wakefleet-run-";
const NAME = new RegExp(`^${PREFIX}([0-9a-f-]{36})-`);

/** Makes an empty folder that only this user can read; `purpose` is a word for people who find it. */
export function makeRunFolder(folder: { readonly runId: string; readonly purpose: string }): Promise<string> {
  const runId = folder.runId.replaceAll(/[^\w-]/g, "_");
  return mkdtemp(path.join(tmpdir(), `${PREFIX}${runId}-${folder.purpose}-`));
}

/** What runs left in places of this host. */
export interface RunPlaces {
  /** The runs that have something there. */
  runIds(): string[] | Promise<string[]>;
  /** Removes what a run has there; harmless when there is nothing. */
  remove(runId: string): Promise<void>;
}

/** The folders of {@link makeRunFolder} that are still there, made by whichever process of this user. */
export const runFolders: RunPlaces = {
  async runIds() {
    const found = (await readdir(tmpdir())).flatMap((name) => NAME.exec(name)?.[1] ?? []);
    return [...new Set(found)];
  },
  async remove(runId) {
    for (const name of await readdir(tmpdir())) {
      const folder = path.join(tmpdir(), name);
      if (NAME.exec(name)?.[1] === runId && (await isOwnFolder(folder))) {
        await rm(folder, { recursive: true, force: true });
      }
    }
  },
};

async function isOwnFolder(folder: string): Promise<boolean> {
  try {
    const found = await lstat(folder);
    return found.isDirectory() && (process.getuid === undefined || found.uid === process.getuid());
  } catch {
    // Gone while we look.
    return false;
  }
}
