/**
 * The `wakefleet` command line.
 *
 * Exit codes: 0 done, 1 it failed (a sentence on standard error says why), 2 the command line is wrong.
 */
import { ConfigError } from "@wakefleet/config";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { migrate } from "./commands/migrate.js";
import { runSingle } from "./commands/single.js";
import { up } from "./commands/up.js";
import { demo } from "./demo/demo.js";
import { API_MAIN, WORKER_MAIN } from "./supervise/process-mains.js";
import { complain } from "./terminal.js";

const USAGE_ERROR = 2;

/** Runs one command line (without the program's own name) and answers the exit code. Never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_ERROR;
    complain(error);
    return error instanceof ConfigError ? USAGE_ERROR : 1;
  }
}

function buildProgram(end: (code: number) => void): Command {
  const program = new Command("wakefleet")
    .description("Wakes AI agents: nothing lost, nothing doubled, every decision explained.")
    .showHelpAfterError("(add --help for what there is)")
    .exitOverride();

  program
    .command("up")
    .description("Start a whole fleet on this machine: stores if none are given, one API, workers.")
    .option("--port <n>", "port of the API; 0 for any free one (default: PORT, else 4600 or a free one)", port)
    .option("--data <dir>", "folder of stores, secrets and logs", ".data")
    .option("--workers <n>", "worker processes", count, 2)
    .option("--ready-file <file>", "write addresses, key and process ids here as JSON once everything serves")
    .option("--no-restart", "leave a process that died where it lies")
    .option("--print-config", "show the effective configuration and end", false)
    .addHelpText(
      "after",
      "\nExamples:\n  wakefleet up\n  wakefleet up --port 8080 --workers 4 --data /var/lib/wakefleet\n  wakefleet up --port 0 --ready-file ready.json",
    )
    .action(async (options: UpFlags) => {
      end(await up({ ...options, port: options.port ?? null, readyFile: options.readyFile ?? null }));
    });

  program
    .command("demo")
    .description("Start a fleet, make a company with agents, wake them and show what happens.")
    .option("--once", "end after the runs: exit code 0 when all succeeded", false)
    .option("--data <dir>", "folder of stores, secrets and logs", ".data")
    .addHelpText("after", "\nExamples:\n  wakefleet demo\n  wakefleet demo --once")
    .action(async (options: { once: boolean; data: string }) => end(await demo(options)));

  program
    .command("api")
    .description("Start one API process against given stores (DATABASE_URL, REDIS_URL, AUTH_SECRET).")
    .option("--port <n>", "port to listen on (default: PORT)", port)
    .option("--host <host>", "address to listen on (default: HOST)")
    .option("--print-config", "show the effective configuration and end", false)
    .addHelpText(
      "after",
      "\nExample:\n  DATABASE_URL=postgresql://… REDIS_URL=redis://… AUTH_SECRET=… wakefleet api --port 8080",
    )
    .action(async (options: { port?: number; host?: string; printConfig: boolean }) => {
      const overrides: NodeJS.ProcessEnv = {
        ...(options.port === undefined ? {} : { PORT: String(options.port) }),
        ...(options.host === undefined ? {} : { HOST: options.host }),
      };
      end(await runSingle({ main: API_MAIN, args: [], overrides, printConfig: options.printConfig }));
    });

  program
    .command("worker")
    .description("Start one worker process against given stores (DATABASE_URL, REDIS_URL, AUTH_SECRET).")
    .option("--concurrency <n>", "most runs at once (default: WORKER_CONCURRENCY)", count)
    .option("--terminate", "stopping it ends the agents it runs, as nobody will come back for them", false)
    .option("--print-config", "show the effective configuration and end", false)
    .addHelpText(
      "after",
      "\nExample:\n  DATABASE_URL=postgresql://… REDIS_URL=redis://… AUTH_SECRET=… wakefleet worker --concurrency 25",
    )
    .action(async (options: { concurrency?: number; terminate: boolean; printConfig: boolean }) => {
      const overrides: NodeJS.ProcessEnv =
        options.concurrency === undefined ? {} : { WORKER_CONCURRENCY: String(options.concurrency) };
      const args = options.terminate ? ["--terminate"] : [];
      end(await runSingle({ main: WORKER_MAIN, args, overrides, printConfig: options.printConfig }));
    });

  program
    .command("migrate")
    .description("Bring a database to this version's schema. Any number may run at once.")
    .option("--database-url <url>", "the database (default: DATABASE_URL)")
    .option("--status", "only say where it stands: exit code 0 when current", false)
    .addHelpText("after", "\nExample:\n  wakefleet migrate --status")
    .action(async (options: { databaseUrl?: string; status: boolean }) => {
      end(await migrate({ databaseUrl: options.databaseUrl ?? null, status: options.status }));
    });

  program
    .command("secrets")
    .description("Look after the encryption of secrets.")
    .command("rotate")
    .description("Encrypt every secret anew with SECRETS_KEY; SECRETS_PREVIOUS_KEYS holds the key they have now.")
    .addHelpText("after", "\nExample:\n  SECRETS_KEY=NEW SECRETS_PREVIOUS_KEYS=OLD wakefleet secrets rotate")
    .action(async () => {
      // The use cases bring the queues' and adapters' libraries along, which no other command needs to wait for.
      const { rotateSecrets } = await import("./commands/rotate-secrets.js");
      end(await rotateSecrets());
    });

  return program;
}

interface UpFlags {
  readonly port?: number;
  readonly data: string;
  readonly workers: number;
  readonly readyFile?: string;
  readonly restart: boolean;
  readonly printConfig: boolean;
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("It must be a whole number from 0 to 65535.");
}

function count(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 1_000) return value;
  throw new InvalidArgumentError("It must be a whole number from 1 to 1000.");
}
