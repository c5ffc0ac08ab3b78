/** Settings of the `openclaw_gateway` adapter (AD-310, AD-312). */
import { isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";
import { z } from "zod";
import { readBoolean, readNumber, readObject, readStringList } from "../config-readers.js";
import { firstText } from "../event-fields.js";

const DEFAULT_TIMEOUT_SEC = 120;
/** AD-312, milliseconds. */
const CONNECT_LIMIT_MS = 15_000;
const CONNECT_WITHOUT_TIMEOUT_MS = 10_000;
const WAIT_WITHOUT_TIMEOUT_MS = 30_000;
/** Node's timers take no more; the wait limit has the connect limit added to it. */
const LONGEST_WAIT_MS = 2_147_483_647 - CONNECT_LIMIT_MS;

export const DEFAULT_CLAIMED_API_KEY_PATH = "~/.openclaw/workspace/wakefleet-claimed-api-key.json";

const SESSION_KEY_STRATEGIES = ["issue", "fixed", "run"] as const;
export type SessionKeyStrategy = (typeof SESSION_KEY_STRATEGIES)[number];

/** For forms and docs; runs read tolerantly (AD-38). */
export const openClawGatewayConfigSchema = z.object({
  url: z.url({ protocol: /^wss?$/ }).describe("Address of the gateway, ws:// or wss://."),
  headers: z.record(z.string(), z.unknown()).optional().describe("Headers of the WebSocket handshake."),
  authToken: z.string().optional().describe("Token of the gateway. Keep it in a secret."),
  password: z.string().optional().describe("Password of the gateway, where it wants one. Keep it in a secret."),
  deviceToken: z.string().optional().describe("Token the gateway gave to this device. Keep it in a secret."),
  clientId: z.string().default("gateway-client").describe("How this client names itself."),
  clientMode: z.string().default("backend").describe("The client's mode."),
  clientVersion: z.string().default("wakefleet").describe("The client's version."),
  role: z.string().default("operator").describe("Role that is asked for."),
  scopes: z
    .union([z.array(z.string()), z.string()])
    .optional()
    .describe("Scopes that are asked for, as a list or separated by commas. Default operator.admin."),
  deviceFamily: z.string().optional().describe("Family of this device."),
  disableDeviceAuth: z.boolean().default(false).describe("Connect without a device identity."),
  devicePrivateKeyPem: z
    .string()
    .optional()
    .describe("Ed25519 private key (PEM) of this device. Without it every run makes its own and must be paired."),
  autoPairOnFirstConnect: z.boolean().default(true).describe("Approve this device's own pairing request."),
  payloadTemplate: z.record(z.string(), z.unknown()).optional().describe("Fields of the agent request."),
  timeoutSec: z.number().min(0).default(DEFAULT_TIMEOUT_SEC).describe("Seconds the agent may take."),
  waitTimeoutMs: z.number().min(1).optional().describe("The same in milliseconds, for the wait alone."),
  agentId: z.string().optional().describe("Agent of the gateway that is woken."),
  sessionKeyStrategy: z
    .enum(SESSION_KEY_STRATEGIES)
    .default("issue")
    .describe("One session for each issue, one for each run, or one fixed session."),
  sessionKey: z.string().optional().describe("Name of the fixed session."),
  sessionKeyPrefix: z.string().default("wakefleet").describe("First part of session keys that are made."),
  wakefleetApiUrl: z.string().optional().describe("Address at which the agent reaches this API."),
  claimedApiKeyPath: z
    .string()
    .default(DEFAULT_CLAIMED_API_KEY_PATH)
    .describe("File on the agent's machine that holds its API key."),
});

export interface OpenClawGatewayConfig {
  /** Empty when missing; not checked. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly authToken: string | null;
  readonly password: string | null;
  readonly deviceToken: string | null;
  readonly clientId: string;
  readonly clientMode: string;
  readonly clientVersion: string;
  readonly role: string;
  readonly scopes: readonly string[];
  /** Lower case, as gateways compare it. */
  readonly deviceFamily: string | null;
  readonly disableDeviceAuth: boolean;
  readonly devicePrivateKeyPem: string | null;
  readonly autoPairOnFirstConnect: boolean;
  readonly payloadTemplate: JsonObject;
  /** Limit of connecting and of one short request. */
  readonly connectTimeoutMs: number;
  /** How long the agent may take. */
  readonly waitTimeoutMs: number;
  readonly agentId: string | null;
  readonly sessionKeyStrategy: SessionKeyStrategy;
  readonly sessionKey: string | null;
  readonly sessionKeyPrefix: string;
  readonly apiUrl: string | null;
  readonly claimedApiKeyPath: string;
}

/** Reads the settings; a value of a wrong type reads as its default (AD-38). */
export function readOpenClawGatewayConfig(config: JsonObject): OpenClawGatewayConfig {
  const text = (...keys: string[]): string | null => firstText(config, keys);
  const headers = readHeaders(config["headers"]);
  const timeoutMs = Math.max(0, readNumber(config["timeoutSec"], DEFAULT_TIMEOUT_SEC) * 1000);
  const waitMs = readNumber(config["waitTimeoutMs"], 0);
  return {
    url: text("url") ?? "",
    headers,
    authToken: text("authToken", "token") ?? tokenOfHeaders(headers),
    password: text("password"),
    deviceToken: text("deviceToken"),
    clientId: text("clientId") ?? "gateway-client",
    clientMode: text("clientMode") ?? "backend",
    clientVersion: text("clientVersion") ?? "wakefleet",
    role: text("role") ?? "operator",
    scopes: readScopes(config["scopes"]),
    deviceFamily: text("deviceFamily")?.toLowerCase() ?? null,
    disableDeviceAuth: readBoolean(config["disableDeviceAuth"], false),
    devicePrivateKeyPem: text("devicePrivateKeyPem"),
    autoPairOnFirstConnect: readBoolean(config["autoPairOnFirstConnect"], true),
    payloadTemplate: readObject(config["payloadTemplate"]),
    connectTimeoutMs: timeoutMs > 0 ? Math.min(timeoutMs, CONNECT_LIMIT_MS) : CONNECT_WITHOUT_TIMEOUT_MS,
    waitTimeoutMs: Math.min(waitMs > 0 ? waitMs : timeoutMs > 0 ? timeoutMs : WAIT_WITHOUT_TIMEOUT_MS, LONGEST_WAIT_MS),
    agentId: text("agentId"),
    sessionKeyStrategy: SESSION_KEY_STRATEGIES.find((known) => known === config["sessionKeyStrategy"]) ?? "issue",
    sessionKey: text("sessionKey"),
    sessionKeyPrefix: text("sessionKeyPrefix") ?? "wakefleet",
    apiUrl: text("wakefleetApiUrl", "paperclipApiUrl"),
    claimedApiKeyPath: text("claimedApiKeyPath") ?? DEFAULT_CLAIMED_API_KEY_PATH,
  };
}

function readHeaders(value: JsonValue | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!isJsonObject(value)) return headers;
  for (const [name, content] of Object.entries(value)) {
    if (typeof content === "string") headers[name] = content;
    else if (typeof content === "number" || typeof content === "boolean") headers[name] = String(content);
  }
  return headers;
}

/** A token given as a header counts as the token (AD-310). */
function tokenOfHeaders(headers: Readonly<Record<string, string>>): string | null {
  for (const wanted of ["x-openclaw-token", "x-openclaw-auth", "authorization"]) {
    const found = Object.entries(headers).find(([name]) => name.toLowerCase() === wanted);
    const value = nonEmptyString(found?.[1])
      ?.replace(/^\s*bearer\s+/i, "")
      .trim();
    if (value !== undefined && value !== "") return value;
  }
  return null;
}

function readScopes(value: JsonValue | undefined): string[] {
  const named = (typeof value === "string" ? value.split(",") : readStringList(value))
    .map((scope) => scope.trim())
    .filter((scope) => scope !== "");
  return named.length > 0 ? [...new Set(named)] : ["operator.admin"];
}

export const OPENCLAW_GATEWAY_CONFIG_DOC = `# openclaw_gateway

Wakes an agent that lives behind an OpenClaw gateway: connects over a WebSocket, signs in as a device, sends the wake as a
message and waits until the agent has ended.

| setting | default | |
| --- | --- | --- |
| \`url\` | required | \`ws://\` or \`wss://\` |
| \`authToken\` | none | or \`token\`, or one of the headers \`x-openclaw-token\`, \`x-openclaw-auth\`, \`authorization\` |
| \`password\`, \`deviceToken\` | none | where the gateway wants them |
| \`devicePrivateKeyPem\` | made for each run | Ed25519; give one, or the device must be paired on every run |
| \`disableDeviceAuth\` | false | connect without a device |
| \`autoPairOnFirstConnect\` | true | approve the own pairing request, once a run |
| \`clientId\`, \`clientMode\`, \`clientVersion\`, \`role\`, \`scopes\`, \`deviceFamily\` | \`gateway-client\`, \`backend\`, \`wakefleet\`, \`operator\`, \`operator.admin\`, none | what the client says of itself |
| \`payloadTemplate\` | none | fields of the agent request; \`message\` or \`text\` go before the wake text |
| \`timeoutSec\` | ${DEFAULT_TIMEOUT_SEC} | how long the agent may take; \`waitTimeoutMs\` for the wait alone |
| \`agentId\` | none | agent of the gateway |
| \`sessionKeyStrategy\` | \`issue\` | \`issue\`, \`run\` or \`fixed\` (with \`sessionKey\`) |
| \`sessionKeyPrefix\` | \`wakefleet\` | first part of session keys that are made |
| \`wakefleetApiUrl\` | the worker's | address at which the agent reaches this API |
| \`claimedApiKeyPath\` | \`${DEFAULT_CLAIMED_API_KEY_PATH}\` | where the agent finds its API key |
`;
