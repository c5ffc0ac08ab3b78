/** The API process: configuration, start, signals (API-18, OP-7). */
import { AdapterPackageError } from "@wakefleet/adapters";
import { ConfigError, loadEnvironment, printConfig, readConfig, readDraftConfig } from "@wakefleet/config";
import { SecretsKeyError } from "@wakefleet/engine";
import { createLogger } from "@wakefleet/telemetry";
import { startApi } from "./start-api.js";

async function main(): Promise<void> {
  const env = loadEnvironment();
  if (process.argv.includes("--print-config")) {
    process.stdout.write(`${printConfig(readDraftConfig(env))}\n`);
    return;
  }
  const config = readConfig(env);
  const log = createLogger({ level: config.logLevel, name: "api" });
  for (const warning of config.warnings) log.warn({ event: "config.warning" }, warning);
  const starting = startApi({ config, log });

  // Before the start is over: whoever sees this process serve may stop it at once.
  let asked = false;
  const onSignal = (signal: string): void => {
    if (asked) {
      log.warn({ event: "api.ended_at_once", signal }, "a second signal ends the API at once");
      process.exit(1);
    }
    asked = true;
    starting
      .then((api) => api.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ event: "api.stop_failed", err: error }, "the API could not stop in order");
          process.exit(1);
        },
      );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // Whoever started this process is gone: nobody would ever stop it.
  process.on("disconnect", () => onSignal("disconnect"));
  const { url } = await starting;
  if (process.connected) process.send?.({ type: "ready", url });
}

main().catch((error: unknown) => {
  const text =
    error instanceof ConfigError || error instanceof SecretsKeyError || error instanceof AdapterPackageError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`The API could not start. ${text}\n`);
  process.exit(1);
});
