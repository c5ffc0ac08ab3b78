/** The worker process: configuration, start, signals (PL-5, OP-7). */
import { AdapterPackageError } from "@wakefleet/adapters";
import { ConfigError, loadEnvironment, printConfig, readConfig, readDraftConfig } from "@wakefleet/config";
import { SecretsKeyError } from "@wakefleet/engine";
import { createLogger } from "@wakefleet/telemetry";
import { startWorker } from "./start-worker.js";

const terminate = process.argv.includes("--terminate");

async function main(): Promise<void> {
  const env = loadEnvironment();
  if (process.argv.includes("--print-config")) {
    process.stdout.write(`${printConfig(readDraftConfig(env))}\n`);
    return;
  }
  const config = readConfig(env);
  const log = createLogger({ level: config.logLevel, name: "worker" });
  for (const warning of config.warnings) log.warn({ event: "config.warning" }, warning);
  const starting = startWorker({ config, log, env });

  // Before the start is over: whoever sees this process serve may stop it at once.
  let asked = false;
  const onSignal = (signal: string): void => {
    if (asked) {
      log.warn({ event: "worker.ended_at_once", signal }, "a second signal ends the worker at once");
      process.exit(1);
    }
    asked = true;
    starting
      .then((worker) => worker.stop({ terminate }))
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ event: "worker.stop_failed", err: error }, "the worker could not stop in order");
          process.exit(1);
        },
      );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // Whoever started this process is gone: nobody would ever stop it.
  process.on("disconnect", () => onSignal("disconnect"));
  await starting;
  if (process.connected) process.send?.({ type: "ready" });
}

main().catch((error: unknown) => {
  const text =
    error instanceof ConfigError || error instanceof SecretsKeyError || error instanceof AdapterPackageError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`The worker could not start. ${text}\n`);
  process.exit(1);
});
