/** Whom this process runs as: what is masked in the texts it makes where the instance says so (IN-2). */
import { homedir, userInfo } from "node:os";
import type { OsUser } from "./redact-os-user.js";

/** The names and home folders that the environment and the system give the user of this process. */
export function osUserOf(env: Readonly<Record<string, string | undefined>>): OsUser {
  const given = (names: readonly string[]): string[] =>
    names.flatMap((name) => (env[name]?.trim() ? [env[name] ?? ""] : []));
  return {
    names: [...given(["USER", "LOGNAME", "USERNAME"]), ...nameOfSystem()],
    homes: [...given(["HOME", "USERPROFILE"]), homedir()],
  };
}

function nameOfSystem(): string[] {
  try {
    return [userInfo().username];
  } catch {
    // A user id without a name, as containers have them.
    return [];
  }
}
