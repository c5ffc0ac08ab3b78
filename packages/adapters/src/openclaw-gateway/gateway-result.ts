/** What a gateway's answers say about a run that went well (AD-319). */
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";
import type { AdapterExecutionResult, RuntimeServiceReport, TokenUsage } from "../contract.js";
import { firstNumber, firstText } from "../event-fields.js";

type ReportedFields = Pick<
  AdapterExecutionResult,
  "provider" | "model" | "usage" | "usageBasis" | "costUsd" | "summary" | "runtimeServices"
>;

/**
 * Reads the answers, later ones over earlier ones. `eventSummary` is what the agent said in events; it wins over the
 * answers' own texts.
 */
export function readGatewayAnswers(input: {
  readonly answers: readonly JsonObject[];
  readonly eventSummary: string | null;
}): ReportedFields {
  const meta = Object.assign({}, ...input.answers.flatMap(metasOf)) as JsonObject;
  const agentMeta: JsonObject = { ...meta, ...asJsonObject(meta["agentMeta"]) };
  const usage = usageOf(asJsonObject(agentMeta["usage"]));
  const costUsd = firstNumber(agentMeta, ["costUsd", "cost_usd", "totalCostUsd"]);
  const runtimeServices = servicesOf(meta);
  const summary = input.eventSummary ?? payloadText(input.answers);
  return {
    provider: firstText(agentMeta, ["provider"]) ?? "openclaw",
    model: firstText(agentMeta, ["model"]),
    ...(usage === null ? {} : { usage, usageBasis: "per_run" }),
    ...(costUsd !== null && costUsd > 0 ? { costUsd } : {}),
    ...(summary === null ? {} : { summary }),
    ...(runtimeServices.length === 0 ? {} : { runtimeServices }),
  };
}

function metasOf(answer: JsonObject): JsonObject[] {
  return [answer["meta"], asJsonObject(answer["result"])["meta"]].filter(isJsonObject);
}

function usageOf(counts: JsonObject): TokenUsage | null {
  const input = firstNumber(counts, ["inputTokens", "input_tokens", "input"]);
  const output = firstNumber(counts, ["outputTokens", "output_tokens", "output"]);
  if ((input ?? 0) === 0 && (output ?? 0) === 0) return null;
  const cached = firstNumber(counts, ["cachedInputTokens", "cached_input_tokens", "cacheRead", "cache_read"]);
  return {
    inputTokens: input ?? 0,
    outputTokens: output ?? 0,
    ...(cached === null ? {} : { cachedInputTokens: cached }),
  };
}

/** The last answer with a text: its payloads' texts, else its `text` or `summary`. */
function payloadText(answers: readonly JsonObject[]): string | null {
  for (const answer of [...answers].reverse()) {
    for (const holder of [asJsonObject(answer["result"]), answer]) {
      const payloads = Array.isArray(holder["payloads"]) ? holder["payloads"].filter(isJsonObject) : [];
      const texts = payloads.flatMap((payload) => nonEmptyString(payload["text"]) ?? []);
      if (texts.length > 0) return texts.join("\n\n").trim();
      const text = firstText(holder, ["text", "summary"]);
      if (text !== null) return text;
    }
  }
  return null;
}

const SCOPE_TYPES = ["project_workspace", "execution_workspace", "run", "agent"] as const;
const STATUSES = ["starting", "running", "stopped", "failed"] as const;
const LIFECYCLES = ["shared", "ephemeral"] as const;
const HEALTH = ["unknown", "healthy", "unhealthy"] as const;

/** Services the agent reports, and its previews as services (AD-26, AD-319). */
function servicesOf(meta: JsonObject): RuntimeServiceReport[] {
  const reported = Array.isArray(meta["runtimeServices"]) ? meta["runtimeServices"].filter(isJsonObject) : [];
  const urls = [
    nonEmptyString(meta["previewUrl"]),
    ...(Array.isArray(meta["previewUrls"]) ? meta["previewUrls"] : []).map(nonEmptyString),
  ].filter((url) => url !== null);
  const previews = [...new Set(urls)].map(
    (url, index): RuntimeServiceReport => ({
      serviceName: index === 0 ? "preview" : `preview-${index + 1}`,
      url,
      status: "running",
      lifecycle: "ephemeral",
      scopeType: "run",
      providerRef: url,
      healthStatus: "unknown",
    }),
  );
  return [...reported.flatMap(serviceOf), ...previews];
}

function serviceOf(source: JsonObject): RuntimeServiceReport[] {
  const serviceName = firstText(source, ["serviceName", "name"]);
  if (serviceName === null) return [];
  const texts = [
    "id",
    "projectId",
    "projectWorkspaceId",
    "issueId",
    "scopeId",
    "reuseKey",
    "command",
    "cwd",
    "url",
    "providerRef",
    "ownerAgentId",
  ].flatMap((key): [string, string][] => {
    const value = firstText(source, [key]);
    return value === null ? [] : [[key, value]];
  });
  const port = firstNumber(source, ["port"]);
  const chosen = {
    ...oneOf("scopeType", SCOPE_TYPES, source["scopeType"]),
    ...oneOf("status", STATUSES, source["status"]),
    ...oneOf("lifecycle", LIFECYCLES, source["lifecycle"]),
    ...oneOf("healthStatus", HEALTH, source["healthStatus"]),
  };
  return [
    {
      serviceName,
      ...Object.fromEntries(texts),
      ...chosen,
      ...(port === null ? {} : { port }),
      ...(isJsonObject(source["stopPolicy"]) ? { stopPolicy: source["stopPolicy"] } : {}),
    },
  ];
}

function oneOf<K extends string, T extends string>(
  key: K,
  allowed: readonly T[],
  value: JsonValue | undefined,
): Partial<Record<K, T>> {
  const found = allowed.find((known) => known === value);
  return found === undefined ? {} : ({ [key]: found } as Record<K, T>);
}
