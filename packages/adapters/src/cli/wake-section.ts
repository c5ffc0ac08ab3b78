/**
 * The wake as a prompt section (AD-62): what happened, in the order a reader needs it, so that the agent acts on it before
 * it fetches anything. The payload is the normalized one (AD-61).
 */
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";

export interface WakeSectionInput {
  /** Null gives no section. */
  readonly payload: JsonObject | null;
  /** The session goes on: the section is a delta to what the agent knows. */
  readonly resumed: boolean;
}

/** The section, or the empty string. */
export function renderWakeSection({ payload, resumed }: WakeSectionInput): string {
  if (payload === null) return "";
  return [
    introduction(resumed),
    bullets(payload).join("\n"),
    causes(payload),
    stageInstructions(payload),
    continuationSummary(payload),
    livenessBlock(payload),
    childSummaries(payload),
    payload["checkedOutByHarness"] === true
      ? "The issue is already checked out for this run. Do not check it out again; begin with the work."
      : "",
    comments(payload),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function introduction(resumed: boolean): string {
  return [
    resumed ? "## Wakefleet Resume Delta" : "## Wakefleet Wake Payload",
    "",
    resumed
      ? "Your session goes on. This is what is new since your last run; it tells you what to do first."
      : "This is why you were woken. Handle exactly this issue before anything else.",
    "Use what stands here before you fetch anything again. Leave durable progress before you end.",
  ].join("\n");
}

function bullets(payload: JsonObject): string[] {
  const issue = asJsonObject(payload["issue"]);
  const name = text(issue["identifier"]) ?? text(issue["id"]);
  const lines = [
    `- reason: ${text(payload["reason"]) ?? "unknown"}`,
    `- issue: ${[name ?? "unknown", text(issue["title"])].filter((part) => part !== null).join(" ")}`,
    `- pending comments: ${pendingComments(payload)}`,
    `- latest comment id: ${text(payload["latestCommentId"]) ?? "unknown"}`,
    `- fallback fetch needed: ${payload["fallbackFetchNeeded"] === true ? "yes" : "no"}`,
  ];
  const add = (label: string, value: string | null): void => {
    if (value !== null) lines.push(`- ${label}: ${value}`);
  };
  add("issue status", text(issue["status"]));
  add("issue priority", text(issue["priority"]));
  add("checkout", payload["checkedOutByHarness"] === true ? "already claimed by the harness for this run" : null);
  if (payload["dependencyBlockedInteraction"] === true) lines.push(...dependencyLines(payload));
  if (payload["treeHoldInteraction"] === true) lines.push(...treeHoldLines(payload));
  const missing = payload["missingCount"];
  add("omitted comments", typeof missing === "number" && missing > 0 ? String(missing) : null);
  const stage = asJsonObject(payload["executionStage"]);
  add("execution wake role", text(stage["wakeRole"]));
  add("execution stage", text(stage["stageType"]) ?? text(stage["stageId"]));
  add("execution participant", who(stage["currentParticipant"]));
  add("execution return assignee", who(stage["returnAssignee"]));
  add("last decision outcome", text(stage["lastDecisionOutcome"]));
  add("allowed actions", texts(stage["allowedActions"]).join(", ") || null);
  return lines;
}

function pendingComments(payload: JsonObject): string {
  const shown = objects(payload["comments"]).length;
  const included = count(payload["includedCount"]) ?? shown;
  return `${included}/${count(payload["requestedCount"]) ?? included}`;
}

function dependencyLines(payload: JsonObject): string[] {
  const summaries = objects(payload["unresolvedBlockerSummaries"]).map(issueName);
  const blockers = summaries.length > 0 ? summaries : texts(payload["unresolvedBlockerIssueIds"]);
  return [
    "- dependency-blocked interaction: yes",
    "- scope: answer, triage or clarify; the blocked work itself must wait for its blockers",
    ...(blockers.length === 0 ? [] : [`- unresolved blockers: ${blockers.join("; ")}`]),
  ];
}

function treeHoldLines(payload: JsonObject): string[] {
  const hold = asJsonObject(payload["activeTreeHold"]);
  const parts = [text(hold["holdId"]), text(hold["mode"]), text(hold["reason"])].filter((part) => part !== null);
  return [
    "- tree-hold interaction: yes",
    "- scope: answer the comment only; work on this tree is on hold",
    ...(parts.length === 0 ? [] : [`- hold: ${parts.join(", ")}`]),
  ];
}

/** Every wake that joined this run, so that none is answered by silence (BY-2). One alone is what the bullets tell. */
function causes(payload: JsonObject): string {
  const joined = objects(payload["causes"]);
  if (joined.length < 2) return "";
  const lines = joined.map((cause) => {
    const by = [text(cause["requestedByType"]), text(cause["requestedById"])].filter((part) => part !== null).join(" ");
    const told = isJsonObject(cause["payload"]) ? ` ${JSON.stringify(cause["payload"])}` : "";
    return `- ${text(cause["at"]) ?? "unknown"} by ${by === "" ? "unknown" : by}: ${text(cause["reason"]) ?? text(cause["source"]) ?? "unknown"}${told}`;
  });
  const omitted = count(payload["causesOmitted"]) ?? 0;
  if (omitted > 0) lines.push(`- (${omitted} more are left out between the first and the newest)`);
  return ["Wakes that are answered by this run, oldest first:", ...lines].join("\n");
}

const ROLE_INSTRUCTIONS: Readonly<Record<string, string>> = {
  reviewer: "You review: judge the work against the request and decide. Do not do the work yourself.",
  approver: "You approve: decide whether this may go on, and say why. Do not do the work yourself.",
  executor: "You execute: changes were asked for. Make them, then hand the issue back for the decision.",
};

function stageInstructions(payload: JsonObject): string {
  const stage = asJsonObject(payload["executionStage"]);
  const review = text(asJsonObject(stage["reviewRequest"])["instructions"]);
  const role = text(stage["wakeRole"]);
  return [review === null ? "" : `Review instructions:\n${review}`, ROLE_INSTRUCTIONS[role ?? ""] ?? ""]
    .filter((part) => part !== "")
    .join("\n\n");
}

function continuationSummary(payload: JsonObject): string {
  const summary = asJsonObject(payload["continuationSummary"]);
  const body = text(summary["body"]);
  if (body === null) return "";
  const cut = summary["bodyTruncated"] === true ? "\n[summary truncated]" : "";
  return `Continuation summary of the issue:\n${body}${cut}`;
}

function livenessBlock(payload: JsonObject): string {
  const liveness = asJsonObject(payload["livenessContinuation"]);
  if (Object.keys(liveness).length === 0) return "";
  const attempt = count(liveness["attempt"]);
  const most = count(liveness["maxAttempts"]);
  const lines = ["Your last run of this issue ended without moving it on. Continue now:"];
  if (attempt !== null) lines.push(`- attempt: ${attempt}${most === null ? "" : `/${most}`}`);
  for (const [label, key] of [
    ["source run", "sourceRunId"],
    ["state", "state"],
    ["reason", "reason"],
    ["instruction", "instruction"],
  ] as const) {
    const value = text(liveness[key]);
    if (value !== null) lines.push(`- ${label}: ${value}`);
  }
  return lines.join("\n");
}

function childSummaries(payload: JsonObject): string {
  const children = objects(payload["childIssueSummaries"]);
  if (children.length === 0) return "";
  const lines = children.map((child) => {
    const summary = text(child["summary"]);
    return `- ${issueName(child)}${summary === null ? "" : `: ${summary}`}`;
  });
  if (payload["childIssueSummaryTruncated"] === true) lines.push("- (more child issues are left out)");
  return ["Child issues:", ...lines].join("\n");
}

function comments(payload: JsonObject): string {
  return objects(payload["comments"])
    .map((comment, index) => {
      const author = [text(comment["authorType"]), text(comment["authorId"])].filter((part) => part !== null).join(" ");
      const head = [`${index + 1}. comment ${text(comment["id"]) ?? "unknown"}`, text(comment["createdAt"])];
      const cut = comment["bodyTruncated"] === true ? "\n[comment body truncated]" : "";
      const title = [...head.filter((part) => part !== null), `by ${author === "" ? "unknown" : author}`].join(" ");
      return `${title}\n${text(comment["body"]) ?? ""}${cut}`;
    })
    .join("\n\n");
}

function issueName(issue: JsonObject): string {
  const name = text(issue["identifier"]) ?? text(issue["id"]) ?? "unknown";
  const status = text(issue["status"]);
  return [name, text(issue["title"]), status === null ? null : `(${status})`].filter((part) => part !== null).join(" ");
}

/** A participant is named by its id where it is an object. */
function who(value: JsonValue | undefined): string | null {
  if (!isJsonObject(value)) return text(value);
  const id = text(value["agentId"]) ?? text(value["userId"]) ?? text(value["id"]);
  return id === null ? null : [text(value["type"]), id].filter((part) => part !== null).join(" ");
}

const text = (value: JsonValue | undefined): string | null => nonEmptyString(value);
const texts = (value: JsonValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => nonEmptyString(item) !== null) : [];
const objects = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
const count = (value: JsonValue | undefined): number | null => (typeof value === "number" ? value : null);
