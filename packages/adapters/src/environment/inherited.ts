/**
 * The part of the worker's environment a child may see (AD-52).
 *
 * What must stay true: an agent never sees the control plane's credentials. A variable that is added to the service's
 * configuration as a secret must match a pattern here.
 */

/** Environment as Node hands it out. */
export type EnvironmentSource = Readonly<Record<string, string | undefined>>;

/** Of our own variables only these say something an agent may know (AD-52). */
const OWN_KEYS_KEPT = new Set(["RUNTIME_API_URL", "LISTEN_HOST", "LISTEN_PORT"]);
const OWN_PREFIX = /^(?:WAKEFLEET|PAPERCLIP)_/;

/** A nested Claude would take itself for a part of the outer one. */
const CLAUDE_NESTING_KEYS = new Set([
  "CLAUDECODE",
  "CLAUDE_CODE_ENTRYPOINT",
  "CLAUDE_CODE_SESSION",
  "CLAUDE_CODE_PARENT_SESSION",
]);

/** The worker's own secrets: stores, signing and encryption keys, log storage, collectors. */
const SECRET_KEYS: readonly RegExp[] = [
  /^(?:SHADOW_|DIRECT_)?DATABASE_URL$/,
  /^REDIS_/,
  /^PG(?:PASSWORD|PASSFILE|SERVICEFILE|SSLKEY|SSLPASSWORD)$/,
  /^AUTH_SECRET$/,
  /^SECRETS_/,
  /^RUN_LOG_S3_/,
  /^OTEL_EXPORTER_OTLP_(?:[A-Z]+_)?HEADERS$/,
  /JWT.*(?:SECRET|KEY)/,
  /ENCRYPTION_KEY/,
];

function isHiddenFromAgents(key: string): boolean {
  // Windows treats names without regard to case; nothing is lost by doing so everywhere.
  const name = key.toUpperCase();
  if (OWN_PREFIX.test(name)) return !OWN_KEYS_KEPT.has(name.replace(OWN_PREFIX, ""));
  return CLAUDE_NESTING_KEYS.has(name) || SECRET_KEYS.some((pattern) => pattern.test(name));
}

/** The worker's environment without our own keys and secrets (AD-52). */
export function inheritedEnvironment(workerEnv: EnvironmentSource): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const [key, value] of Object.entries(workerEnv)) {
    if (value !== undefined && !isHiddenFromAgents(key)) inherited[key] = value;
  }
  return inherited;
}
