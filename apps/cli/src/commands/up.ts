/** `wakefleet up`: a whole fleet on this machine, until a signal ends it (OP-7). */
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { loadEnvironment, printConfig, readDraftConfig } from "@wakefleet/config";
import { listenForStop } from "../stop-signals.js";
import { openDataFolder } from "../supervise/data-folder.js";
import { type FleetState, startFleet } from "../supervise/fleet.js";
import type { ProcessMains } from "../supervise/process-mains.js";
import { field, say, sayProgress } from "../terminal.js";

export interface UpOptions {
  /** Null takes `PORT`, else the usual port if it is free, else any. */
  readonly port: number | null;
  readonly data: string;
  readonly workers: number;
  readonly readyFile: string | null;
  readonly restart: boolean;
  readonly printConfig: boolean;
}

/**
 * Runs until SIGINT, SIGTERM or SIGHUP and answers the exit code: 0 after an orderly stop.
 * @param mains other files to run as API and worker, for tests of the supervision itself.
 */
export async function up(options: UpOptions, mains?: ProcessMains): Promise<number> {
  const env = loadEnvironment();
  const config = readDraftConfig(env);
  if (options.printConfig) {
    process.stdout.write(printConfig(config));
    return 0;
  }
  const stop = listenForStop(say);
  const folder = openDataFolder(options.data);
  const readyFile = options.readyFile === null ? null : resolve(options.readyFile);
  try {
    for (const warning of config.warnings) say(`Warning: ${warning}`);
    if (readyFile !== null) rmSync(readyFile, { force: true });
    const port = options.port ?? (env["PORT"]?.trim() ? config.port : null);
    const fleet = await startFleet(
      {
        ...{
          folder,
          env,
          config,
          workers: options.workers,
          port,
          restart: options.restart,
          readyFile,
          say: sayProgress,
        },
        ...(mains === undefined ? {} : { mains }),
      },
      stop.signal,
    );
    stop.onSecond(() => fleet.kill());
    sayWhereItIs(fleet.state(), folder.path);
    await stop.asked;
    await fleet.stop();
    say("Stopped.");
    return 0;
  } catch (error) {
    // Stopped while starting: what had been started is stopped again, as was asked.
    if (stop.signal.aborted) return 0;
    throw error;
  } finally {
    if (readyFile !== null) rmSync(readyFile, { force: true });
    folder.release();
    stop.release();
  }
}

/** The addresses and the key, for people. */
export function sayWhereItIs(state: FleetState, dataFolder: string): void {
  say("Wakefleet is up.");
  say(field("API", state.apiUrl));
  say(field("Console", `${state.apiUrl}/`));
  say(field("Bull Board", `${state.apiUrl}/queues`));
  say(field("API docs", `${state.apiUrl}/docs`));
  say(field("Key", state.adminKey));
  say(field("Data, logs", dataFolder));
  say("Ctrl-C stops it.");
}
