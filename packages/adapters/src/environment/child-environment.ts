/** Puts together what a child gets as its environment (AD-52 to AD-54). */
import { inheritedEnvironment } from "./inherited.js";
import { type InjectedEnvironmentInput, injectedEnvironment } from "./injected.js";

/** Used when neither the worker nor the config has a PATH (AD-42). */
export const DEFAULT_PATH = "/usr/local/bin:/opt/homebrew/bin:/usr/local/sbin:/usr/bin:/bin:/usr/sbin:/sbin";

export interface ChildEnvironment {
  /** The whole environment of the child. */
  readonly env: Record<string, string>;
  /** The part that was added; what is shown in the log is made from it (AD-56). */
  readonly injected: Record<string, string>;
  /** Generated variables that were left out because they are too long. */
  readonly leftOut: readonly string[];
}

/** Inherited environment minus ours and our secrets, plus the injected variables, with a PATH in any case. */
export function childEnvironment(input: InjectedEnvironmentInput): ChildEnvironment {
  const { variables, leftOut } = injectedEnvironment(input);
  const env = { ...inheritedEnvironment(input.workerEnv), ...variables };
  if ((env["PATH"] ?? "") === "") env["PATH"] = DEFAULT_PATH;
  return { env, injected: variables, leftOut };
}
