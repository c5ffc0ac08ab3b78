/** `wakefleet api` and `wakefleet worker`: one process of a fleet that is put together by hand (OP-7). */
import { pathToFileURL } from "node:url";
import { loadEnvironment, printConfig, readConfig } from "@wakefleet/config";

export interface SingleOptions {
  /** File that runs the process. */
  readonly main: string;
  /** Arguments the process looks for in `process.argv`. */
  readonly args: readonly string[];
  /** Variables that options of the command set. */
  readonly overrides: NodeJS.ProcessEnv;
  readonly printConfig: boolean;
}

/**
 * Becomes the process: its main module runs in this one, so that signals, exit code and output are its own.
 * @throws ConfigError naming every variable that is wrong or missing.
 */
export async function runSingle(options: SingleOptions): Promise<number> {
  const env = { ...loadEnvironment(), ...options.overrides };
  const config = readConfig(env);
  if (options.printConfig) {
    process.stdout.write(printConfig(config));
    return 0;
  }
  // The process reads its environment itself; adapters hand it on to agents (AD-52).
  Object.assign(process.env, env);
  process.argv = [process.argv[0] ?? process.execPath, options.main, ...options.args];
  await import(pathToFileURL(options.main).href);
  return typeof process.exitCode === "number" ? process.exitCode : 0;
}
