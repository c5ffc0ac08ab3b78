/** The address at which an agent reaches the API (AD-55). */
import { nonEmptyString } from "@wakefleet/contracts";
import type { EnvironmentSource } from "./inherited.js";

const DEFAULT_PORT = "3100";

/** First found of the configured URLs, else `http://<host>:<port>` of where the API listens (AD-55). */
export function resolveApiUrl(workerEnv: EnvironmentSource): string {
  const first = (...names: string[]): string | null => {
    for (const name of names) {
      const value = nonEmptyString(workerEnv[name]);
      if (value !== null) return value.trim();
    }
    return null;
  };
  const configured = first(
    "WAKEFLEET_RUNTIME_API_URL",
    "PAPERCLIP_RUNTIME_API_URL",
    "WAKEFLEET_API_URL",
    "PAPERCLIP_API_URL",
    "PUBLIC_URL",
  );
  if (configured !== null) return configured;
  const host = first("WAKEFLEET_LISTEN_HOST", "PAPERCLIP_LISTEN_HOST", "HOST") ?? "localhost";
  const port = first("WAKEFLEET_LISTEN_PORT", "PAPERCLIP_LISTEN_PORT", "PORT") ?? DEFAULT_PORT;
  return `http://${reachableHost(host)}:${port}`;
}

/** "Every address" is where one listens, not where one connects; an IPv6 literal goes into brackets. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::" || host === "[::]") return "localhost";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}
