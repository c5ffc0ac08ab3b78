/**
 * The life of a process of the fleet, the API's or a worker's: it reads its configuration, starts, tells whoever started it
 * that it serves, and stops in order when it is asked to (API-18, OP-7, PL-5).
 *
 * What must stay true: a process that cannot start says why in one line and ends with 1; a stop that is asked for while it
 * still starts is carried out; a second signal ends it at once.
 */
import { AdapterPackageError } from "@wakefleet/adapters";
import { type Config, ConfigError, loadEnvironment, printConfig, readConfig, readDraftConfig } from "@wakefleet/config";
import { SecretsKeyError } from "@wakefleet/engine";
import { createLogger, type Logger } from "@wakefleet/telemetry";

/** What a service is started with. */
export interface ServiceParts {
  readonly config: Config;
  /** The environment that the configuration was read from, with `.env`. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
}

/** A service that serves. */
export interface Running {
  /** Stops in order; called once. */
  stop(): Promise<void>;
  /** Told to the process that started this one, beside that it is ready. */
  readonly ready?: { readonly url: string };
}

/** Runs the service until it is stopped. `name` begins its events, `title` stands in its messages. Never rejects. */
export async function runService(service: {
  readonly name: string;
  readonly title: string;
  readonly start: (parts: ServiceParts) => Promise<Running>;
}): Promise<void> {
  try {
    await serve(service);
  } catch (error) {
    process.stderr.write(`The ${service.title} could not start. ${reasonOf(error)}\n`);
    process.exit(1);
  }
}

async function serve({ name, title, start }: Parameters<typeof runService>[0]): Promise<void> {
  const env = loadEnvironment();
  if (process.argv.includes("--print-config")) {
    process.stdout.write(`${printConfig(readDraftConfig(env))}\n`);
    return;
  }
  const config = readConfig(env);
  const log = createLogger({ level: config.logLevel, name });
  for (const warning of config.warnings) log.warn({ event: "config.warning" }, warning);
  const starting = start({ config, env, log });

  // Before the start is over: whoever sees this process serve may stop it at once.
  let asked = false;
  const onSignal = (signal: string): void => {
    if (asked) {
      log.warn({ event: `${name}.ended_at_once`, signal }, `a second signal ends the ${title} at once`);
      process.exit(1);
    }
    asked = true;
    starting
      .then((running) => running.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ event: `${name}.stop_failed`, err: error }, `the ${title} could not stop in order`);
          process.exit(1);
        },
      );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // Whoever started this process is gone: nobody would ever stop it.
  process.on("disconnect", () => onSignal("disconnect"));
  const { ready } = await starting;
  if (process.connected) process.send?.({ type: "ready", ...ready });
}

/** What is wrong with the configuration is said as it is; anything else with its stack. */
function reasonOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof SecretsKeyError || error instanceof AdapterPackageError) {
    return error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
