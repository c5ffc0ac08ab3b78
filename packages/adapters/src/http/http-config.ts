/** Settings of the `http` adapter (AD-85). */
import { isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { z } from "zod";
import { readNumber, readObject, readString } from "../config-readers.js";

/** For forms and docs; runs read tolerantly (AD-38). */
export const httpConfigSchema = z.object({
  url: z.url({ protocol: /^https?$/ }).describe("Where the request goes."),
  method: z.string().default("POST").describe("GET and HEAD send no body."),
  headers: z.record(z.string(), z.unknown()).optional().describe("Headers; they win over the adapter's own."),
  payloadTemplate: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Fields of the body; agentId, runId and context are laid over them."),
  timeoutMs: z.number().min(0).default(0).describe("Milliseconds until the request is given up; 0 is never."),
  timeoutSec: z.number().min(0).optional().describe("The same in seconds, read when timeoutMs is absent."),
});

export interface HttpConfig {
  /** Empty when missing; not checked. */
  readonly url: string;
  /** Upper case. */
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payloadTemplate: JsonObject;
  /** 0 is never. */
  readonly timeoutMs: number;
}

export function readHttpConfig(config: JsonObject): HttpConfig {
  const timeoutMs =
    config["timeoutMs"] === undefined || config["timeoutMs"] === null
      ? readNumber(config["timeoutSec"], 0) * 1000
      : readNumber(config["timeoutMs"], 0);
  return {
    url: readString(config["url"], "").trim(),
    method: (nonEmptyString(config["method"]) ?? "POST").trim().toUpperCase(),
    headers: readHeaders(config["headers"]),
    payloadTemplate: readObject(config["payloadTemplate"]),
    timeoutMs: Math.max(0, timeoutMs),
  };
}

/** Strings, and numbers and booleans as text; anything else cannot be a header. */
function readHeaders(value: unknown): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!isJsonObject(value)) return headers;
  for (const [name, content] of Object.entries(value)) {
    if (typeof content === "string") headers[name] = content;
    else if (typeof content === "number" || typeof content === "boolean") headers[name] = String(content);
  }
  return headers;
}

export const HTTP_CONFIG_DOC = `# http

Wakes an agent that listens: sends one request and takes the status as the outcome.

| setting | default | |
| --- | --- | --- |
| \`url\` | required | http or https |
| \`method\` | \`POST\` | GET and HEAD send no body |
| \`headers\` | none | win over \`Content-Type\`, \`X-Wakefleet-Run-Id\` and \`X-Paperclip-Run-Id\` |
| \`payloadTemplate\` | none | the JSON body; \`agentId\`, \`runId\` and \`context\` are laid over it |
| \`timeoutMs\` | 0 (never) | or \`timeoutSec\` |

2xx succeeds; a JSON object of at most 256 KiB in the answer is kept as the result. Other statuses fail; 429, 502, 503, 504
and 529 and network failures are retried, not before \`Retry-After\`.
`;
