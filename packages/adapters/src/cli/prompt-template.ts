/** Prompt templates (AD-59): `{{ path.to.value }}` is replaced, everything else stays as it is. */
import { isJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";
import type { AdapterExecutionContext } from "../contract.js";

const PLACEHOLDER = /\{\{\s*([\w.-]+)\s*\}\}/g;

/**
 * Fills a template. Strings go in as they are, numbers and booleans as text, objects and lists as JSON; what is null,
 * missing or reached through a list becomes empty.
 */
export function renderTemplate(template: string, data: JsonObject): string {
  return template.replace(PLACEHOLDER, (_placeholder, path: string) => textOf(valueAt(data, path)));
}

/** What templates may name: ids, the agent, the run and its context. */
export function templateData(execution: Pick<AdapterExecutionContext, "runId" | "agent" | "context">): JsonObject {
  const { runId, agent, context } = execution;
  return {
    agentId: agent.id,
    companyId: agent.companyId,
    runId,
    company: { id: agent.companyId },
    agent: { ...agent },
    run: { id: runId, source: "on_demand" },
    context,
  };
}

function valueAt(data: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = data;
  for (const key of path.split(".")) {
    // Own keys only: `constructor` is nobody's value.
    if (!isJsonObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

function textOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
