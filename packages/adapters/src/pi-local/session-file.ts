/** Pi's session is a file (AD-262): made empty for a fresh session, handed to the CLI by path. */
import { mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";

/** Where session files lie. `home` is the child's `HOME`. */
export function piSessionDirectory(home: string): string {
  return path.join(home, ".pi", "wakefleet");
}

/** Makes an empty session file and gives its path: the time with `:` and `.` as `-`, then the agent's id. */
export async function createPiSessionFile(input: {
  readonly home: string;
  readonly agentId: string;
  readonly now: Date;
}): Promise<string> {
  const directory = piSessionDirectory(input.home);
  await mkdir(directory, { recursive: true });
  const stamp = input.now.toISOString().replaceAll(/[:.]/g, "-");
  const agent = input.agentId.replaceAll(/[^\w-]/g, "_");
  // Two runs of one agent may begin in the same millisecond.
  for (let attempt = 1; ; attempt += 1) {
    const file = path.join(directory, `${stamp}-${agent}${attempt === 1 ? "" : `-${attempt}`}.jsonl`);
    try {
      await writeFile(file, "", { flag: "wx", mode: 0o600 });
      return file;
    } catch (error) {
      if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** False also for a directory: the CLI creates what is missing and then starts an empty conversation (AD-262). */
export async function isPiSessionFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    // Missing or unreachable: either way there is nothing to resume.
    return false;
  }
}
