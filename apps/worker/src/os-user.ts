/** Whom this process runs as: what is masked in its runs' output where the instance says so (IN-2). */
import { homedir, userInfo } from "node:os";
import type { OsUser } from "@wakefleet/run-logs";

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
