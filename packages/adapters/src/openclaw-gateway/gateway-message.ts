/** The message that wakes an agent behind a gateway (AD-317). Never holds a secret: the agent loads its key itself. */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";

/** The run as the message tells it: names without prefix, in the order they are shown. */
export interface GatewayRunVariables {
  readonly RUN_ID: string;
  readonly AGENT_ID: string;
  readonly COMPANY_ID: string;
  readonly API_URL: string;
  readonly TASK_ID: string | null;
  readonly WAKE_REASON: string | null;
  readonly WAKE_COMMENT_ID: string | null;
  readonly APPROVAL_ID: string | null;
  readonly APPROVAL_STATUS: string | null;
  readonly LINKED_ISSUE_IDS: string | null;
}

export interface GatewayMessageInput {
  /** Its `message`, else `text`, goes first. */
  readonly payloadTemplate: JsonObject;
  readonly variables: GatewayRunVariables;
  /** Where the agent finds its API key, on its own machine. */
  readonly claimedApiKeyPath: string;
  /** The rendered wake section (AD-62); blank for none. */
  readonly wakeSection: string;
  /** The wake payload (AD-61); null for none. */
  readonly wakePayload: JsonObject | null;
}

/** Sections with one empty line between them; blank ones are left out. */
export function gatewayMessage(input: GatewayMessageInput): string {
  const { payloadTemplate, variables, wakePayload } = input;
  return [
    nonEmptyString(payloadTemplate["message"]) ?? nonEmptyString(payloadTemplate["text"]) ?? "",
    variableSection(variables),
    keySection(input.claimedApiKeyPath),
    workflowSection(variables),
    input.wakeSection,
    wakePayload === null ? "" : `Wake payload as JSON:\n\n\`\`\`json\n${JSON.stringify(wakePayload, null, 2)}\n\`\`\``,
  ]
    .map((section) => section.trim())
    .filter((section) => section !== "")
    .join("\n\n");
}

/** Both names of each variable, so that agents written for either find theirs. */
function variableSection(variables: GatewayRunVariables): string {
  const lines = Object.entries(variables).flatMap(([name, value]: [string, string | null]) =>
    value === null ? [] : [`WAKEFLEET_${name}=${value}`, `PAPERCLIP_${name}=${value}`],
  );
  return ["## Wakefleet wake", "", "You were woken by Wakefleet. Use these values for this run:", "", ...lines].join(
    "\n",
  );
}

function keySection(claimedApiKeyPath: string): string {
  return [
    `Load your API key from ${claimedApiKeyPath}: the JSON file you were given when you were hired (field \`token\`,`,
    "else `apiKey`). Use it as WAKEFLEET_API_KEY. Never print it and never write it into a comment.",
  ].join("\n");
}

function workflowSection(variables: GatewayRunVariables): string {
  const task = variables.TASK_ID;
  const steps = [
    "GET /api/agents/me, to be sure who you are.",
    task === null
      ? "GET /api/companies/{companyId}/issues?assigneeAgentId={agentId}&status=todo,in_progress,blocked, and choose one."
      : `The issue of this wake is ${task}; work on it first.`,
    "POST /api/issues/{issueId}/checkout before you change an issue. Answer 409 means that another run has it: leave it.",
    "GET /api/issues/{issueId} and GET /api/issues/{issueId}/comments, and do the work.",
    "PATCH /api/issues/{issueId} with the new status and a comment that says what you did and what is left.",
  ];
  return [
    "HTTP rules:",
    "- Send `Authorization: Bearer <API key>` with every request to WAKEFLEET_API_URL.",
    "- Send `X-Wakefleet-Run-Id: <run id>` with every request that changes something.",
    "- Send and expect JSON. Do not guess endpoints.",
    "",
    "Workflow:",
    ...steps.map((step, index) => `${index + 1}. ${step}`),
  ].join("\n");
}
