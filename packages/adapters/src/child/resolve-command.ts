/** Finds the executable a configured command means (AD-42). No shell is involved, so nothing else resolves it for us. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import path from "node:path";
import { DEFAULT_PATH } from "../environment/child-environment.js";

/**
 * Absolute path of the executable. With a path separator the command is absolute or relative to `cwd`; without, the PATH
 * of the child's environment is searched (the default PATH when it is empty).
 *
 * @throws Error `Command not found in PATH: "X"` or `Command is not executable: "X" (resolved: "/abs/X")` (AD-42).
 */
export async function resolveCommand(input: {
  readonly command: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}): Promise<string> {
  const { command, cwd, env } = input;
  if (command.includes("/") || command.includes(path.sep)) {
    const absolute = path.resolve(cwd, command);
    if (await isExecutableFile(absolute)) return absolute;
    throw new Error(`Command is not executable: "${command}" (resolved: "${absolute}")`);
  }
  for (const candidate of candidates(command, env)) {
    // An empty or relative PATH entry means the directory the child starts in.
    const absolute = path.resolve(cwd, candidate);
    if (await isExecutableFile(absolute)) return absolute;
  }
  throw new Error(`Command not found in PATH: "${command}"`);
}

function candidates(command: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const searchPath = env["PATH"] === undefined || env["PATH"] === "" ? DEFAULT_PATH : env["PATH"];
  const suffixes = process.platform === "win32" ? ["", ...(env["PATHEXT"] ?? ".EXE;.CMD;.BAT").split(";")] : [""];
  return searchPath
    .split(path.delimiter)
    .flatMap((directory) => suffixes.map((suffix) => path.join(directory === "" ? "." : directory, command + suffix)));
}

async function isExecutableFile(file: string): Promise<boolean> {
  try {
    const found = await stat(file);
    if (!found.isFile()) return false;
    await access(file, constants.X_OK);
    return true;
  } catch {
    // Missing, unreadable or not executable all mean the same here: look further.
    return false;
  }
}
