/** Which environment a run works in, and whether it may (EN-3, EN-10, EN-13). Pure. */
import { asJsonObject, isGuid, type JsonValue } from "@wakefleet/contracts";

/** Adapters whose agents may also live on other machines (05, the table of drivers). */
const REMOTE_CAPABLE = new Set(["claude_local", "codex_local", "cursor", "gemini_local", "opencode_local", "pi_local"]);

/** The drivers an adapter's agents may run under (EN-11, EN-13). */
export function driversOf(adapterType: string): readonly string[] {
  return REMOTE_CAPABLE.has(adapterType) ? ["local", "ssh", "sandbox"] : ["local"];
}

/** What was chosen where, before it is looked up. */
export interface EnvironmentChoices {
  /** The issue's `executionWorkspaceSettings` and the project's `executionWorkspacePolicy`, as stored. */
  readonly issueSettings: JsonValue;
  readonly projectPolicy: JsonValue;
  readonly agentDefaultId: string | null;
}

const chosenIn = (settings: JsonValue): string | null => {
  const { environmentId } = asJsonObject(settings);
  return isGuid(environmentId) ? environmentId.toLowerCase() : null;
};

/** Whether the switch for isolated workspaces has a say in it: an issue or a project chose one. */
export function choosesByIsolation({ issueSettings, projectPolicy }: EnvironmentChoices): boolean {
  return chosenIn(issueSettings) !== null || chosenIn(projectPolicy) !== null;
}

/** EN-3: the id of the environment chosen; null: the company's local one. Issue and project count while `isolated` is on. */
export function selectEnvironment(choices: EnvironmentChoices, isolated: boolean): string | null {
  const byWork = isolated ? (chosenIn(choices.issueSettings) ?? chosenIn(choices.projectPolicy)) : null;
  return byWork ?? choices.agentDefaultId;
}

export interface SelectedEnvironment {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly driver: string;
  readonly status: string;
}

/** Why a run must not start there: its error code and text. */
export interface EnvironmentRefusal {
  readonly code:
    | "environment_not_found"
    | "environment_inactive"
    | "unsupported_adapter_environment"
    | "unsupported_environment";
  readonly text: string;
}

/** Null: the run may work there. `environment` is null when there is none of that id. */
export function refuseEnvironment(asked: {
  readonly id: string;
  readonly environment: SelectedEnvironment | null;
  readonly companyId: string;
  readonly adapterType: string;
}): EnvironmentRefusal | null {
  const { id, environment, companyId, adapterType } = asked;
  if (environment === null) return { code: "environment_not_found", text: `Environment "${id}" not found.` };
  if (environment.companyId !== companyId) {
    return { code: "environment_not_found", text: `Environment "${id}" does not belong to this company.` };
  }
  const { name, status, driver } = environment;
  if (status !== "active") {
    return { code: "environment_inactive", text: `Environment "${name}" is not active (status: ${status}).` };
  }
  if (!driversOf(adapterType).includes(driver)) {
    const text = `Adapter "${adapterType}" does not support the driver "${driver}" of environment "${name}".`;
    return { code: "unsupported_adapter_environment", text };
  }
  // EN-4: what follows would run on this host instead of where it was meant to.
  if (driver !== "local") {
    return {
      code: "unsupported_environment",
      text: `Runs in environments with the driver "${driver}" are not supported.`,
    };
  }
  return null;
}
