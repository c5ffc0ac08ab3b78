/** The environment as it may be shown (AD-56). */
import type { EnvironmentSource } from "./inherited.js";

export const REDACTED = "***REDACTED***";

const SECRET_WORDS = /key|token|secret|password|passwd|authorization|cookie/i;

/** True for a variable whose name says that its value is nobody's business (AD-56). */
export function isSecretName(name: string): boolean {
  return SECRET_WORDS.test(name);
}

/** The injected variables, `HOME` and the resolved command, with the values of secret names replaced (AD-56). */
export function loggedEnvironment(input: {
  readonly injected: Readonly<Record<string, string>>;
  /** What the child really gets. */
  readonly childEnv: EnvironmentSource;
  /** Absolute path of the executable. */
  readonly resolvedCommand: string;
}): Record<string, string> {
  const shown: Record<string, string> = {
    ...(input.childEnv["HOME"] === undefined ? {} : { HOME: input.childEnv["HOME"] }),
    ...input.injected,
    WAKEFLEET_RESOLVED_COMMAND: input.resolvedCommand,
    PAPERCLIP_RESOLVED_COMMAND: input.resolvedCommand,
  };
  return Object.fromEntries(
    Object.entries(shown).map(([name, value]) => [name, isSecretName(name) ? REDACTED : value]),
  );
}
