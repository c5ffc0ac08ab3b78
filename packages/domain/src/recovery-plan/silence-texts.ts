/** What people read of a silent run (RC-46, RC-46a, RC-47a). Evidence comes in redacted. */
import { durationText, type IssueLabel, issueLabel, issueLink, runLink } from "./links.js";
import { redactEvidence } from "./redact-evidence.js";
import type { SilenceThresholds } from "./silence.js";

const EXCERPT_CHARS = 4_000;
const EVENT_CHARS = 300;

export interface RelatedIssue extends IssueLabel {
  readonly status: string;
  readonly title: string;
}

export interface SilentRunEvent {
  readonly createdAt: Date;
  readonly eventType: string;
  readonly level: string | null;
  readonly message: string | null;
}

export interface EvaluationText {
  readonly prefix: string;
  readonly level: "suspicious" | "critical";
  readonly run: {
    readonly id: string;
    readonly agentId: string;
    readonly invocationSource: string;
    readonly triggerDetail: string | null;
    readonly startedAt: Date | null;
    readonly processStartedAt: Date | null;
    readonly lastOutputAt: Date | null;
    readonly lastOutputSeq: number;
    readonly processPid: number | null;
    readonly processGroupId: number | null;
  };
  readonly agent: { readonly name: string; readonly adapterType: string };
  /** The worker that owns the run and whether its lease is fresh; null: none does. */
  readonly worker: { readonly id: string; readonly hostname: string | null; readonly leaseIsFresh: boolean } | null;
  readonly source: IssueLabel | null;
  readonly ageMs: number;
  readonly thresholds: SilenceThresholds;
  /** The end of the run's log as plain output; null: there is none. */
  readonly logTail: string | null;
  /** The last of the run, oldest first. */
  readonly events: readonly SilentRunEvent[];
  readonly children: readonly RelatedIssue[];
  readonly blockers: readonly RelatedIssue[];
}

const iso = (at: Date | null, absent: string): string => at?.toISOString() ?? absent;

/** RC-47a. */
export function evaluationDescription(text: EvaluationText): string {
  const { prefix, level, run, agent, worker, source, thresholds } = text;
  const trigger = run.triggerDetail === null ? "" : ` / ${run.triggerDetail}`;
  const owner =
    worker === null
      ? "owned by no worker"
      : `owned by worker \`${worker.id}\`${worker.hostname === null ? "" : ` on ${worker.hostname}`}, lease ${worker.leaseIsFresh ? "fresh" : "over"}`;
  return [
    `Wakefleet detected ${level} output silence on an active heartbeat run.`,
    "",
    "## Run",
    "",
    `- Run: ${runLink(prefix, run)}`,
    `- Agent: ${agent.name} (${agent.adapterType})`,
    `- Invocation: ${run.invocationSource}${trigger}`,
    `- Source issue: ${source === null ? "none" : issueLink(prefix, source)}`,
    `- Started at: ${iso(run.startedAt, "unknown")}`,
    `- Process started at: ${iso(run.processStartedAt, "unknown")}`,
    `- Last output at: ${iso(run.lastOutputAt, "none recorded")}`,
    `- Last output sequence: ${run.lastOutputSeq}`,
    `- Silent for: ${durationText(text.ageMs)}`,
    `- Thresholds: suspicious after ${durationText(thresholds.suspicionMs)}, critical after ${durationText(thresholds.criticalMs)}`,
    `- Process metadata: pid \`${run.processPid ?? "unknown"}\`, process group \`${run.processGroupId ?? "unknown"}\`, ${owner}`,
    "",
    "## Last Output Excerpt",
    "",
    ...excerpt(text.logTail),
    "",
    "## Recent Run Events",
    "",
    ...listed(text.events.map(eventLine), "none"),
    "",
    "## Related Work",
    "",
    "Active child issues:",
    ...listed(
      text.children.map((issue) => relatedLine(prefix, issue)),
      "none detected",
    ),
    "",
    "Current source blockers:",
    ...listed(
      text.blockers.map((issue) => relatedLine(prefix, issue)),
      "none detected",
    ),
    "",
    "## Decision Checklist",
    "",
    "- Continue or snooze if the run is intentionally quiet.",
    "- Ask the run owner for context if work may be delegated outside the transcript.",
    "- Preserve artifacts, branch state, and useful output before cancellation.",
    "- Cancel or recover through the explicit run recovery controls when authorized.",
    "- Close this issue as a false positive only after recording the reason.",
  ].join("\n");
}

function listed(lines: readonly string[], absent: string): readonly string[] {
  return lines.length === 0 ? [`- ${absent}`] : lines;
}

function excerpt(logTail: string | null): string[] {
  const redacted = redactEvidence(logTail ?? "").trim();
  if (redacted === "") return ["_No run-log tail was available._"];
  const kept = redacted.slice(-EXCERPT_CHARS).toWellFormed();
  // A fence inside the output would end the block and let the rest be read as ours.
  const body = kept.replaceAll("```", "'''");
  return ["```text", ...(kept.length < redacted.length ? ["[truncated earlier evidence]"] : []), body, "```"];
}

function eventLine(event: SilentRunEvent): string {
  const message = redactEvidence(event.message ?? "")
    .replace(/\s+/g, " ")
    .trim();
  const kept = message.slice(-EVENT_CHARS).toWellFormed();
  const level = event.level === null ? "" : ` ${event.level}`;
  return `- ${event.createdAt.toISOString()} \`${event.eventType}\`${level}: ${kept === "" ? "(no message)" : kept}`;
}

function relatedLine(prefix: string, issue: RelatedIssue): string {
  return `- ${issueLink(prefix, issue)} \`${issue.status}\`: ${issue.title}`;
}

/** RC-46. */
export function criticalSilenceComment(run: {
  readonly id: string;
  readonly ageMs: number;
  readonly lastOutputAt: Date | null;
}): string {
  return [
    "Critical output silence threshold crossed.",
    "",
    `- Run: \`${run.id}\``,
    `- Silent for: ${durationText(run.ageMs)}`,
    `- Last output at: ${iso(run.lastOutputAt, "none recorded")}`,
  ].join("\n");
}

/** RC-46a. */
export function silentSourceComment(text: { readonly evaluation: IssueLabel; readonly runId: string }): string {
  return [
    "Wakefleet detected critical output silence on this issue's active run.",
    "",
    `- Evaluation issue: ${issueLabel(text.evaluation)}`,
    `- Run: \`${text.runId}\``,
    "",
    "This blocks the source issue on the explicit review task without cancelling the active process.",
  ].join("\n");
}
