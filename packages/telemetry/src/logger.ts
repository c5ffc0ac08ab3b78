/**
 * The log: pino JSON, one line an event, pretty when a person watches at a terminal (OP-24).
 *
 * What must stay true: no line holds a credential. Paths below catch values under their usual names; the mixed-in
 * scrubber catches tokens and URL passwords inside texts, such as an error message that quotes a connection string.
 * Names of ids in bindings are `runId`, `agentId`, `companyId`, `workerId`, everywhere.
 */
import { type Logger, pino, stdTimeFunctions } from "pino";
import { prettyFactory } from "pino-pretty";
import { scrub } from "./scrub.js";

export type { Logger } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Which process speaks: `api`, `worker`. */
  readonly name: string;
  /** Readable lines in place of JSON. Absent: when standard output is a terminal. */
  readonly pretty?: boolean;
  /** On every line, such as `{ workerId }`. */
  readonly bindings?: Readonly<Record<string, unknown>>;
  /** Takes each finished line, with its newline. Absent: standard output. */
  readonly write?: (line: string) => void;
}

/** Names whose values are secrets wherever they stand, up to three levels deep. */
const SECRET_NAMES = [
  "authorization",
  "Authorization",
  "cookie",
  "Cookie",
  '["set-cookie"]',
  '["proxy-authorization"]',
  '["x-api-key"]',
  "password",
  "secret",
  "token",
  "accessToken",
  "refreshToken",
  "claimToken",
  "apiKey",
  "adminKey",
  "privateKey",
  "databaseUrl",
  "redisUrl",
  "authSecret",
  "secretsKey",
  "DATABASE_URL",
  "REDIS_URL",
  "AUTH_SECRET",
  "SECRETS_KEY",
  "RUN_LOG_S3_ACCESS_KEY_ID",
  "RUN_LOG_S3_SECRET_ACCESS_KEY",
] as const;

const SECRET_PATHS = SECRET_NAMES.flatMap((name) => {
  const nested = name.startsWith("[") ? name : `.${name}`;
  return [name, `*${nested}`, `*.*${nested}`];
});

/** The logger of a process. Its lines go out as they are written; nothing is lost when the process is killed. */
export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const pretty = options.pretty ?? (options.write === undefined && process.stdout.isTTY === true);
  const format = pretty
    ? prettyFactory({ colorize: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l" })
    : null;
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      base: { pid: process.pid, ...options.bindings },
      redact: { paths: SECRET_PATHS, censor: "[redacted]" },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(format === null ? scrub(line) : format(scrub(line))) },
  );
}
