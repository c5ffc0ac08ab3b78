/**
 * The variables the service adds for an agent (AD-53, AD-54, CX-21), each under its own name and its alias.
 *
 * What must stay true: identity (agent, company, run, its claim, API address) always is the real one, whatever the config says; an
 * agent that lied about its run id would write into another run.
 */
import { isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";
import type { AdapterExecutionContext } from "../contract.js";
import { readWorkspace } from "../working-directory.js";
import { resolveApiUrl } from "./api-url.js";
import type { EnvironmentSource } from "./inherited.js";
import { normalizeWakePayload } from "./wake-payload.js";

/** Names without their prefix. Config can never change these (AD-54). */
const IDENTITY_NAMES = ["AGENT_ID", "COMPANY_ID", "RUN_ID", "API_URL", "CLAIM_TOKEN"] as const;

/** Names without their prefix that config may set under either name, with effect on both (AD-54). */
const OVERWRITABLE_NAMES = new Set([
  "API_KEY",
  "TASK_ID",
  "WAKE_REASON",
  "WAKE_COMMENT_ID",
  "APPROVAL_ID",
  "APPROVAL_STATUS",
  "LINKED_ISSUE_IDS",
  "WAKE_PAYLOAD_JSON",
  "WORKSPACE_CWD",
  "WORKSPACE_SOURCE",
  "WORKSPACE_STRATEGY",
  "WORKSPACE_ID",
  "WORKSPACE_REPO_URL",
  "WORKSPACE_REPO_REF",
  "WORKSPACE_BRANCH",
  "WORKSPACE_WORKTREE_PATH",
  "WORKSPACES_JSON",
  "RUNTIME_SERVICE_INTENTS_JSON",
  "RUNTIME_SERVICES_JSON",
  "RUNTIME_PRIMARY_URL",
]);

/**
 * Linux refuses to start a program when one variable is longer than 128 KiB. A JSON variable that comes near is left out,
 * because an agent without it can still ask the API, and a child that cannot start can do nothing.
 */
const JSON_VALUE_MAX_BYTES = 100_000;

export interface InjectedEnvironmentInput {
  readonly execution: Pick<
    AdapterExecutionContext,
    "runId" | "agent" | "config" | "context" | "authToken" | "claimToken"
  >;
  readonly workerEnv: EnvironmentSource;
  /** Adds the runtime-service variables (Claude and Codex only, AD-53). Default false. */
  readonly withRuntimeServices?: boolean;
  /** Set last and never overwritten (AD-54). */
  readonly fixed?: Readonly<Record<string, string>>;
}

export interface InjectedEnvironment {
  readonly variables: Record<string, string>;
  /** Generated names that were left out because their value is too long for an environment. */
  readonly leftOut: readonly string[];
}

/**
 * Everything added to the inherited environment: generated variables, then config `env`, then the token, then fixed keys.
 * @throws Error when a name or a value in config `env` cannot be an environment variable.
 */
export function injectedEnvironment(input: InjectedEnvironmentInput): InjectedEnvironment {
  const { execution, workerEnv } = input;
  const configured = configuredVariables(execution.config["env"]);
  const variables: Record<string, string> = {};
  const leftOut: string[] = [];
  const set = (name: string, value: string | null): void => {
    if (value === null) return;
    for (const key of bothNames(name)) variables[key] = value;
  };

  for (const [name, value] of generatedValues(input)) {
    if (value !== null && name.endsWith("_JSON") && Buffer.byteLength(value) > JSON_VALUE_MAX_BYTES) {
      leftOut.push(`WAKEFLEET_${name}`);
    } else {
      set(name, value);
    }
  }
  const agentHome = readWorkspace(execution).agentHome;
  if (agentHome !== null) variables["AGENT_HOME"] = agentHome;

  Object.assign(variables, configured);
  for (const name of OVERWRITABLE_NAMES) {
    const [own, alias] = bothNames(name);
    set(
      name,
      nonEmptyString(configured[own]) ??
        nonEmptyString(configured[alias]) ??
        configured[own] ??
        configured[alias] ??
        null,
    );
  }
  const configuredKey = bothNames("API_KEY").some((key) => nonEmptyString(configured[key]) !== null);
  if (!configuredKey) set("API_KEY", nonEmptyString(execution.authToken));

  for (const [name, value] of identityValues(execution, workerEnv)) set(name, value);
  Object.assign(variables, input.fixed ?? {});
  return { variables, leftOut };
}

/** Own name first. */
function bothNames(name: string): [string, string] {
  return [`WAKEFLEET_${name}`, `PAPERCLIP_${name}`];
}

function identityValues(
  execution: InjectedEnvironmentInput["execution"],
  workerEnv: EnvironmentSource,
): [string, string | null][] {
  const values: Record<(typeof IDENTITY_NAMES)[number], string | null> = {
    AGENT_ID: execution.agent.id,
    COMPANY_ID: execution.agent.companyId,
    RUN_ID: execution.runId,
    API_URL: resolveApiUrl(workerEnv),
    CLAIM_TOKEN: execution.claimToken === undefined ? null : String(execution.claimToken),
  };
  return IDENTITY_NAMES.map((name) => [name, values[name]]);
}

function generatedValues(input: InjectedEnvironmentInput): [string, string | null][] {
  const { context } = input.execution;
  const workspace = readWorkspace(input.execution);
  const wakePayload = normalizeWakePayload(context["wakefleetWake"]);
  const values: [string, string | null][] = [
    ["TASK_ID", firstText(context, "taskId", "issueId")],
    ["WAKE_REASON", firstText(context, "wakeReason")],
    ["WAKE_COMMENT_ID", firstText(context, "wakeCommentId", "commentId")],
    ["APPROVAL_ID", firstText(context, "approvalId")],
    ["APPROVAL_STATUS", firstText(context, "approvalStatus")],
    ["LINKED_ISSUE_IDS", joinedTexts(context["issueIds"])],
    ["WAKE_PAYLOAD_JSON", wakePayload === null ? null : JSON.stringify(wakePayload)],
    ["WORKSPACE_CWD", workspace.cwd],
    ["WORKSPACE_SOURCE", workspace.source],
    ["WORKSPACE_STRATEGY", workspace.strategy],
    ["WORKSPACE_ID", workspace.workspaceId],
    ["WORKSPACE_REPO_URL", workspace.repoUrl],
    ["WORKSPACE_REPO_REF", workspace.repoRef],
    ["WORKSPACE_BRANCH", workspace.branchName],
    ["WORKSPACE_WORKTREE_PATH", workspace.worktreePath],
    ["WORKSPACES_JSON", listJson(context["wakefleetWorkspaces"])],
  ];
  if (input.withRuntimeServices === true) {
    values.push(
      ["RUNTIME_SERVICE_INTENTS_JSON", listJson(context["wakefleetRuntimeServiceIntents"])],
      ["RUNTIME_SERVICES_JSON", listJson(context["wakefleetRuntimeServices"])],
      ["RUNTIME_PRIMARY_URL", firstText(context, "wakefleetRuntimePrimaryUrl")],
    );
  }
  return values;
}

/** Config `env`: string values only (AD-54). */
function configuredVariables(env: JsonValue | undefined): Record<string, string> {
  const configured: Record<string, string> = {};
  if (!isJsonObject(env)) return configured;
  for (const [key, value] of Object.entries(env)) {
    if (typeof value !== "string") continue;
    // `A=B` as a name would set another variable, an identity key among them.
    if (key === "" || /[=\0]/.test(key)) {
      throw new Error(`"${key}" in the agent's env is not a variable name. Use a name without "=".`);
    }
    if (value.includes("\0")) {
      throw new Error(`The value of "${key}" in the agent's env holds a NUL character. Remove it.`);
    }
    configured[key] = value;
  }
  return configured;
}

function firstText(source: JsonObject, ...keys: string[]): string | null {
  for (const key of keys) {
    const value = nonEmptyString(source[key]);
    if (value !== null) return value;
  }
  return null;
}

function joinedTexts(value: JsonValue | undefined): string | null {
  if (!Array.isArray(value)) return null;
  const texts = value.filter((item) => nonEmptyString(item) !== null);
  return texts.length > 0 ? texts.join(",") : null;
}

function listJson(value: JsonValue | undefined): string | null {
  return Array.isArray(value) && value.length > 0 ? JSON.stringify(value) : null;
}
