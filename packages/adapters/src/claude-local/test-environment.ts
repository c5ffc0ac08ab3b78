/** Checks of the `claude_local` adapter (AD-93, AD-94, AD-129). */
import { hasValue } from "../cli/biller.js";
import {
  type CliEnvironmentTest,
  HELLO_PROMPT,
  type HelloProbe,
  readCaptured,
  type TestedCli,
} from "../cli/test-cli-environment.js";
import type { EnvironmentCheck } from "../contract.js";
import { usesBedrock } from "./bedrock.js";
import { claudeArguments, isRootUser, readClaudeConfig } from "./claude-config.js";
import { claudeTool } from "./claude-tool.js";
import { judgeClaude, needsClaudeLogin } from "./judge-claude.js";
import { createClaudeParser } from "./parse-claude.js";

const PROBE_TIMEOUT_SEC = 45;

export const claudeEnvironmentTest: CliEnvironmentTest = {
  prefix: "claude",
  name: "Claude Code",
  command: claudeTool.command,
  createsDirectory: true,
  probedCommandName: "claude",
  credentialChecks: async (tested) => [credentialCheck(tested)],
  probe,
};

function credentialCheck({ env }: TestedCli): EnvironmentCheck {
  if (usesBedrock(env)) {
    return { code: "claude_bedrock_auth", level: "info", message: "Claude is used through Amazon Bedrock" };
  }
  if (hasValue(env, "ANTHROPIC_API_KEY")) {
    return {
      code: "claude_anthropic_api_key_overrides_subscription",
      level: "warn",
      message: "ANTHROPIC_API_KEY is set: runs are billed by use, not to a subscription",
      hint: "Take ANTHROPIC_API_KEY out of the environment to use the subscription that is logged in.",
    };
  }
  return {
    code: "claude_subscription_mode_possible",
    level: "info",
    message: "ANTHROPIC_API_KEY is not set: the CLI's own login is used, if there is one",
  };
}

function probe({ config, env }: TestedCli): HelloProbe {
  return {
    args: claudeArguments({
      config: readClaudeConfig(config),
      env,
      isRoot: isRootUser(),
      sessionId: null,
      bundleDirectory: null,
      instructionsFile: null,
    }),
    stdin: HELLO_PROMPT,
    timeoutSec: PROBE_TIMEOUT_SEC,
    loginHint: "Run claude once as the worker's user and log in, or set ANTHROPIC_API_KEY in adapterConfig.env.",
    read(captured) {
      const { output, plainStdout } = readCaptured(createClaudeParser(), captured.stdout);
      const { exitCode, stderr } = captured;
      const ending = { exitCode, output, stderr, plainStdout, now: new Date(), resumedSessionId: null };
      const failure = judgeClaude(ending);
      return {
        summary: output.summary,
        errorMessage: failure?.errorMessage ?? null,
        failed: failure !== null,
        // A login that is missing is told as such, whatever the exit code.
        authRequired: needsClaudeLogin(ending),
      };
    },
  };
}
