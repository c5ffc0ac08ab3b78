/**
 * Where the agents' own command lines are, once `npm run test:agents` has installed them beside this folder and in `more`.
 *
 * Two packages only put their program in place in an install script, and install scripts are never run here: their
 * programs are taken from the platform packages that the same install brought.
 */
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";

const MODULES = ["../node_modules/", "../more/node_modules/"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);
const PLATFORM = `${process.platform}-${process.arch}`;

const PROGRAMS = {
  claude: [`@anthropic-ai/claude-code-${PLATFORM}/claude`],
  codex: [".bin/codex"],
  gemini: [".bin/gemini"],
  // The baseline build runs on processors without AVX2 too.
  opencode: [`opencode-${PLATFORM}-baseline/bin/opencode`, `opencode-${PLATFORM}/bin/opencode`],
  pi: [".bin/pi"],
} as const;

export type CliName = keyof typeof PROGRAMS;

/** Absolute path of the CLI's program; null when it is not installed. */
export function installedCli(name: CliName): string | null {
  return MODULES.flatMap((modules) => PROGRAMS[name].map((file) => modules + file)).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
