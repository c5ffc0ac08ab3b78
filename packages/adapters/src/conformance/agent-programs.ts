/** Executable files that play the agent's tool in the conformance suite. */
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

export interface ProgramFolder {
  readonly directory: string;
  /** Writes a shell script and returns its path. */
  shell(name: string, body: string): Promise<string>;
  /** Writes a Node script (CommonJS) and returns its path. */
  node(name: string, body: string): Promise<string>;
  remove(): Promise<void>;
}

export async function createProgramFolder(): Promise<ProgramFolder> {
  const directory = await mkdtemp(path.join(tmpdir(), "wakefleet-conformance-"));
  const write = async (name: string, text: string): Promise<string> => {
    const file = path.join(directory, name);
    await writeFile(file, text);
    await chmod(file, 0o755);
    return file;
  };
  return {
    directory,
    shell: (name, body) => write(name, `#!/bin/sh\n${body}\n`),
    node: (name, body) => write(name, `#!${process.execPath}\n${body}\n`),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
