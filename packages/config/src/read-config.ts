/**
 * Reads the environment into one typed, frozen object, or refuses with everything that is wrong at once (OP-10).
 *
 * What must stay true: no process reads `process.env` for a variable of ours anywhere else; an error never shows a
 * secret.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import type { z } from "zod";
import { isLoopbackHost } from "./loopback.js";
import { maskValue } from "./mask.js";
import { nearMisses } from "./near-misses.js";
import type { Variable } from "./variable.js";
import { VARIABLES } from "./variables.js";

type Variables = typeof VARIABLES;
type Key = keyof Variables;
type ValueOf<K extends Key> = Variables[K] extends Variable<infer Schema> ? z.output<Schema> : never;

/** Variables without a default that every server process needs. */
const NEEDED = ["databaseUrl", "redisUrl", "authSecret"] as const satisfies readonly Key[];
/** Variables whose absence is a value of its own. */
type Optional = "schedulerIntervalMs" | "publicUrl" | "secretsKey" | "otelEndpoint" | Extract<Key, `runLogS3${string}`>;

/** The whole configuration of a server process. Durations are milliseconds, sizes bytes. */
export type Config = Readonly<{ [K in Key]: K extends Optional ? ValueOf<K> | null : ValueOf<K> }> & {
  /** Things that look like mistakes but do not stop the start; to be logged once. */
  readonly warnings: readonly string[];
};

/** As {@link Config}, before `up` or `demo` have made stores and secrets. */
export type DraftConfig = Omit<Config, (typeof NEEDED)[number]> &
  Readonly<{ [K in (typeof NEEDED)[number]]: ValueOf<K> | null }>;

/** The environment cannot be used; the message says for each variable what is wrong and shows an example. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    const count = problems.length === 1 ? "1 variable is" : `${problems.length} variables are`;
    super(
      `The configuration cannot be used: ${count} wrong.\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
  }
}

/**
 * `env` over what the `.env` file of `folder` says, if there is one: a variable that is set wins over the file.
 * @throws ConfigError when the file cannot be read.
 */
export function loadEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  folder: string = process.cwd(),
): NodeJS.ProcessEnv {
  const file = join(folder, ".env");
  if (!existsSync(file)) return { ...env };
  try {
    return { ...parse(readFileSync(file)), ...env };
  } catch (error) {
    throw new ConfigError([`The file ${file} cannot be read: ${(error as Error).message}`]);
  }
}

/**
 * Configuration of a server process (`api`, `worker`).
 * @throws ConfigError naming every variable that is wrong or missing.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return read(env, NEEDED) as Config;
}

/**
 * Configuration before stores and secrets exist: they may be absent (null).
 * @throws ConfigError naming every variable that is wrong.
 */
export function readDraftConfig(env: NodeJS.ProcessEnv): DraftConfig {
  return read(env, []) as DraftConfig;
}

function read(env: NodeJS.ProcessEnv, needed: readonly Key[]): unknown {
  const problems: string[] = [];
  const values: Partial<Record<Key, unknown>> = {};
  for (const [key, variable] of Object.entries(VARIABLES) as [Key, Variable<z.ZodType>][]) {
    const text = given(env, variable.name) ?? variable.default;
    if (text === null) {
      values[key] = null;
      if (needed.includes(key))
        problems.push(`${variable.name} is not set. Example: ${variable.name}=${variable.example}`);
      continue;
    }
    const result = variable.schema.safeParse(text);
    if (result.success) values[key] = result.data;
    else problems.push(describeProblem({ variable, text, message: result.error.issues[0]?.message ?? "is not valid" }));
  }
  if (problems.length === 0) problems.push(...contradictions(values as unknown as DraftConfig));
  if (problems.length > 0) throw new ConfigError(problems);
  const config = values as unknown as DraftConfig;
  const root = join(config.wakefleetHome, "instances", config.instanceId);
  return Object.freeze({
    ...config,
    runLogDir: config.runLogDir ?? join(root, "data", "run-logs"),
    secretsKeyFile: config.secretsKeyFile ?? join(root, "secrets", "master.key"),
    runSpoolDir: config.runSpoolDir ?? join(root, "data", "spool"),
    warnings: warningsFor(env, config),
  });
}

/** A variable that is set to nothing counts as absent, as compose files and shells write it. */
function given(env: NodeJS.ProcessEnv, name: string): string | null {
  const text = env[name];
  return text === undefined || text.trim() === "" ? null : text;
}

function describeProblem(problem: { variable: Variable<z.ZodType>; text: string; message: string }): string {
  const { variable, text, message } = problem;
  return `${variable.name} ${message}, but is ${maskValue(text, variable.secrecy)}. Example: ${variable.name}=${variable.example}`;
}

/** Variables that are fine each but not together. */
function contradictions(config: DraftConfig): string[] {
  const problems: string[] = [];
  if (config.authMode === "local_trusted" && !isLoopbackHost(config.host)) {
    problems.push(
      `AUTH_MODE is "local_trusted", which lets everybody in who can connect, but HOST is "${config.host}". ` +
        "Use HOST=127.0.0.1, or AUTH_MODE=keys",
    );
  }
  if (config.faults.length > 0 && config.nodeEnv !== "test") {
    problems.push(`WAKEFLEET_FAULTS is for tests and NODE_ENV is "${config.nodeEnv}". Unset WAKEFLEET_FAULTS`);
  }
  return problems;
}

function warningsFor(env: NodeJS.ProcessEnv, config: DraftConfig): string[] {
  const known = Object.values(VARIABLES).map(({ name }) => name);
  const warnings = nearMisses(Object.keys(env), known).map(
    ({ found, meant }) => `${found} is set but is no variable of Wakefleet. Did you mean ${meant}?`,
  );
  if (config.runLogS3Bucket !== null) {
    warnings.push("RUN_LOG_S3_BUCKET is set, but this version keeps run logs in files only (RUN_LOG_DIR).");
  }
  return warnings;
}
