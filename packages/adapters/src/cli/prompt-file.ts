/** Texts that do not fit an argument, as files of one run that only this user can read (AD-205). */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

export interface PromptFiles {
  /** Writes a text and gives the file's absolute path. */
  write(name: string, text: string): Promise<string>;
  /** Removes whatever was written. */
  remove(): Promise<void>;
}

/** Makes nothing before the first file is written. */
export function createPromptFiles(): PromptFiles {
  let directory: string | null = null;
  return {
    async write(name, text) {
      directory ??= await mkdtemp(path.join(tmpdir(), "wakefleet-prompt-"));
      const file = path.join(directory, name);
      await writeFile(file, text, { mode: 0o600 });
      return file;
    },
    async remove() {
      if (directory !== null) await rm(directory, { recursive: true, force: true });
    },
  };
}
