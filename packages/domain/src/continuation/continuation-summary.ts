/**
 * The continuation summary (06 section 3): one document an issue, made anew at the end of each run, from which the next
 * one goes on. Pure (LV-4).
 */
import { asJsonObject, type IssueStatus, type JsonObject, nonEmptyString, type RunStatus } from "@wakefleet/contracts";
import { withoutListMark } from "../liveness/next-action.js";
import { redactEvidence } from "../recovery-plan/redact-evidence.js";

export const CONTINUATION_SUMMARY_KEY = "continuation-summary";
export const CONTINUATION_SUMMARY_TITLE = "Continuation Summary";
const SECTION_CHARS = 1_200;
const BODY_CHARS = 8_000;
const ERROR_CHARS = 500;
const MAX_PATHS = 12;
/** LV-97: the folders whose paths are told. */
export const DEFAULT_PATH_ROOTS: readonly string[] = ["server/", "ui/", "packages/", "doc/", "scripts/", ".github/"];

export interface SummaryFacts {
  readonly issue: {
    readonly id: string;
    readonly identifier: string | null;
    readonly title: string;
    readonly description: string | null;
    readonly status: IssueStatus;
    readonly priority: string;
  };
  readonly run: {
    readonly id: string;
    readonly status: RunStatus;
    readonly finishedAt: Date | null;
    readonly error: string | null;
    readonly errorCode: string | null;
    readonly resultJson: JsonObject | null;
    readonly stdoutExcerpt: string | null;
    readonly stderrExcerpt: string | null;
  };
  readonly agent: { readonly name: string; readonly adapterType: string | null };
  /** The body of the summary before; null: there is none. */
  readonly previousBody: string | null;
  readonly pathRoots?: readonly string[];
}

/** LV-93: keeps N − 20 characters, trimmed, and says so on a line of its own. */
export function truncateText(text: string, max: number): string {
  const trimmed = text.trim();
  return trimmed.length <= max
    ? trimmed
    : `${trimmed
        .slice(0, max - 20)
        .toWellFormed()
        .trimEnd()}\n[truncated]`;
}

/** LV-94: the text under a line `## {heading}`, up to the next `## ` or the end; null: absent or empty. */
export function markdownSection(text: string | null, heading: string): string | null {
  const lines = (text ?? "").split(/\r?\n/);
  const start = lines.findIndex((line) => line.trimEnd().toLowerCase() === `## ${heading}`.toLowerCase());
  if (start === -1) return null;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith("## "));
  const section = (end === -1 ? rest : rest.slice(0, end)).join("\n").trim();
  return section === "" ? null : section;
}

/** LV-94: the first non-empty string of summary, result, message, error. */
export function resultSummary(resultJson: JsonObject | null): string | null {
  const result = asJsonObject(resultJson);
  for (const key of ["summary", "result", "message", "error"]) {
    const text = nonEmptyString(result[key]);
    if (text !== null) return text.trim();
  }
  return null;
}

const isUnsuccessful = (status: RunStatus): boolean =>
  status === "failed" || status === "cancelled" || status === "timed_out";

/** LV-95. */
function modeOf({ issue, run }: SummaryFacts): string {
  if (issue.status === "done" || issue.status === "in_review") return "review";
  if (isUnsuccessful(run.status)) return "implementation";
  return issue.status === "backlog" || issue.status === "todo" ? "plan" : "implementation";
}

/** LV-96. */
function nextActionOf({ issue, run, previousBody }: SummaryFacts): string {
  if (issue.status === "done") {
    return "Review the completed issue output and close any remaining follow-up comments.";
  }
  if (issue.status === "in_review") {
    return "Wait for reviewer feedback or approval before continuing executor work.";
  }
  if (run.status === "failed" || run.status === "timed_out") {
    return "Inspect the failed run, fix the cause, and resume from the most recent concrete action above.";
  }
  if (run.status === "cancelled") return "Confirm the cancellation reason before starting another run.";
  const before = (markdownSection(previousBody, "Next Action") ?? "")
    .split("\n")
    .map((line) => withoutListMark(line.trim()))
    .find((line) => line !== "");
  return before ?? "Resume implementation from the acceptance criteria, latest comments, and this summary.";
}

function escapeForPattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** LV-97. */
function pathsTouched(facts: SummaryFacts): string[] {
  const roots = (facts.pathRoots ?? DEFAULT_PATH_ROOTS).map(escapeForPattern).join("|");
  const pattern = new RegExp(`(?:^|[\\s\`"'(])((?:${roots})[A-Za-z0-9._/-]+)`, "g");
  const sources = [
    resultSummary(facts.run.resultJson),
    facts.run.stdoutExcerpt,
    facts.run.stderrExcerpt,
    facts.previousBody,
  ];
  const paths = new Set<string>();
  for (const source of sources) {
    for (const match of (source ?? "").matchAll(pattern)) {
      const path = (match[1] ?? "").replace(/[),.;:]+$/, "");
      if (path !== "") paths.add(path);
      if (paths.size >= MAX_PATHS) return [...paths];
    }
  }
  return [...paths];
}

function recentActions({ run }: SummaryFacts): string[] {
  const when = run.finishedAt === null ? "" : ` at ${run.finishedAt.toISOString()}`;
  const summary = resultSummary(run.resultJson);
  const code = run.errorCode === null ? "" : ` (${run.errorCode})`;
  return [
    `- Run \`${run.id}\` finished with status \`${run.status}\`${when}.`,
    summary === null
      ? "- No adapter-provided result summary was captured for this run."
      : `- ${truncateText(redactEvidence(summary), SECTION_CHARS)}`,
    ...(run.error === null
      ? []
      : [`- Latest run error${code}: ${truncateText(redactEvidence(run.error), ERROR_CHARS)}`]),
  ];
}

/** The document's body, at most 8,000 characters. */
export function continuationSummary(facts: SummaryFacts): string {
  const { issue, run, agent } = facts;
  const paths = pathsTouched(facts);
  const objective = markdownSection(issue.description, "Objective") ?? nonEmptyString(issue.description);
  const criteria = markdownSection(issue.description, "Acceptance Criteria");
  const sections: [string, string[]][] = [
    ["## Objective", [truncateText(objective ?? "No objective captured.", SECTION_CHARS)]],
    ["## Acceptance Criteria", [truncateText(criteria ?? "No explicit acceptance criteria captured.", SECTION_CHARS)]],
    ["## Recent Concrete Actions", recentActions(facts)],
    [
      "## Files / Routes Touched",
      paths.length === 0
        ? ["- No file or route paths were detected in the captured run summary."]
        : paths.map((path) => `- \`${path}\``),
    ],
    [
      "## Commands Run",
      [
        `- Heartbeat run \`${run.id}\` invoked adapter \`${agent.adapterType ?? "unknown"}\`.`,
        "- Detailed shell/tool commands remain in the run log and transcript.",
      ],
    ],
    [
      "## Blockers / Decisions",
      [
        run.error === null
          ? "- No new blocker was recorded by the latest run."
          : `- Latest run ended with \`${run.status}\`; inspect the error before continuing.`,
      ],
    ],
    ["## Next Action", [`- ${nextActionOf(facts)}`]],
  ];
  const head = [
    "# Continuation Summary",
    "",
    `- Issue: ${issue.identifier ?? issue.id} — ${issue.title}`,
    `- Status: ${issue.status}`,
    `- Priority: ${issue.priority}`,
    `- Current mode: ${modeOf(facts)}`,
    `- Last updated by run: ${run.id}`,
    `- Agent: ${agent.name} (${agent.adapterType ?? "unknown"})`,
  ];
  const body = [...head, ...sections.flatMap(([heading, lines]) => ["", heading, "", ...lines])].join("\n");
  return truncateText(body, BODY_CHARS);
}

/** LV-117: what becomes the run's comment when it left none itself: summary, else result, else message. */
export function summaryComment(resultJson: JsonObject | null): string | null {
  const result = asJsonObject(resultJson);
  for (const key of ["summary", "result", "message"]) {
    const text = nonEmptyString(result[key]);
    if (text !== null) return text.trim();
  }
  return null;
}
