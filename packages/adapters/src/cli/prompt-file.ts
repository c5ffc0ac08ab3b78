/** Texts that do not fit an argument, as files of one run that only this user can read (AD-205). */
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeRunFolder } from "./run-folder.js";

export interface PromptFiles {
  /** Writes a text and gives the file's absolute path. */
  write(name: string, text: string): Promise<string>;
  /** Removes whatever was written. */
  remove(): Promise<void>;
}

/** Makes nothing before the first file is written. */
export function createPromptFiles(runId: string): PromptFiles {
  let directory: string | null = null;
  return {
    async write(name, text) {
      directory ??= await makeRunFolder({ runId, purpose: "prompt" });
      const file = path.join(directory, name);
      await writeFile(file, text, { mode: 0o600 });
      return file;
    },
    async remove() {
      if (directory !== null) await rm(directory, { recursive: true, force: true });
    },
  };
}
