/** Checks of the `cursor` adapter (AD-93, AD-94, AD-186). */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { asJsonObject, isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { hasValue } from "../cli/biller.js";
import { type CliEnvironmentTest, HELLO_PROMPT, readCaptured, type TestedCli } from "../cli/test-cli-environment.js";
import type { EnvironmentCheck } from "../contract.js";
import { firstText } from "../event-fields.js";
import { cursorTrustArguments, readCursorConfig } from "./cursor-config.js";
import { cursorTool } from "./cursor-tool.js";
import { judgeCursor } from "./judge-cursor.js";
import { createCursorParser } from "./parse-cursor.js";

/** AD-94. */
const PROBE_TIMEOUT_SEC = 45;
const AUTH = /authentication required|not authenticated|not logged in|unauthorized|invalid api key|run .?agent login/i;

export const cursorEnvironmentTest: CliEnvironmentTest = {
  prefix: "cursor",
  name: "Cursor CLI",
  command: cursorTool.command,
  createsDirectory: true,
  probedCommandName: "agent",
  credentialChecks: async (tested) => [await credentialCheck(tested)],
  probe({ config, cwd }) {
    const settings = readCursorConfig(config);
    return {
      args: [
        "-p",
        "--mode",
        "ask",
        "--output-format",
        "json",
        "--workspace",
        cwd,
        "--model",
        settings.model,
        ...cursorTrustArguments(settings),
        ...settings.extraArgs,
        HELLO_PROMPT,
      ],
      timeoutSec: PROBE_TIMEOUT_SEC,
      loginHint: "Run `agent login` as the worker's user, or set CURSOR_API_KEY in adapterConfig.env.",
      read(captured) {
        const { output, plainStdout } = readCaptured(createCursorParser(), captured.stdout);
        const verdict = judgeCursor({ exitCode: captured.exitCode, output, stderr: captured.stderr, plainStdout });
        return {
          summary: output.summary,
          errorMessage: output.errorMessage,
          failed: verdict !== null,
          authRequired:
            verdict !== null && AUTH.test(`${output.errorMessage ?? ""}\n${captured.stderr}\n${plainStdout}`),
        };
      },
    };
  },
};

async function credentialCheck({ env }: TestedCli): Promise<EnvironmentCheck> {
  if (hasValue(env, "CURSOR_API_KEY")) {
    return { code: "cursor_api_key_present", level: "info", message: "CURSOR_API_KEY is set" };
  }
  const login = await nativeLogin(nonEmptyString(env["HOME"]) ?? homedir());
  if (login !== null) {
    const email = firstText(login, ["email"]);
    return {
      code: "cursor_native_auth_present",
      level: "info",
      message: "The CLI is logged in",
      ...(email === null ? {} : { detail: email }),
    };
  }
  return {
    code: "cursor_api_key_missing",
    level: "warn",
    message: "CURSOR_API_KEY is not set and the CLI is not logged in",
    hint: "Set CURSOR_API_KEY in adapterConfig.env, or run `agent login` as the worker's user.",
  };
}

/** `authInfo` of the CLI's own settings; null without a login. */
async function nativeLogin(home: string): Promise<JsonObject | null> {
  try {
    const text = await readFile(path.join(home, ".cursor", "cli-config.json"), "utf8");
    const info = asJsonObject(JSON.parse(text))["authInfo"];
    return isJsonObject(info) && Object.keys(info).length > 0 ? info : null;
  } catch {
    // No file, or not one of theirs: no login that we know of.
    return null;
  }
}
