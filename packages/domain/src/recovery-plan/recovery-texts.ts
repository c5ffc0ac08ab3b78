/**
 * What people read when work is stranded (RC-20 to RC-25, RC-31). No text carries a run's error or code (RC-25): they
 * link the run, where those who may see them do.
 */
import type { RunStatus } from "@wakefleet/contracts";
import { type IssueLabel, issueLink, runLink } from "./links.js";

/** The run a text speaks of. */
export interface RecoveryRun {
  readonly id: string;
  readonly agentId: string;
  readonly status: RunStatus;
  readonly error: string | null;
  readonly errorCode: string | null;
  /** `retryReason` of its context. */
  readonly retryReason: string | null;
}

const WITHHELD =
  "Latest retry failure details were withheld from the issue thread; inspect the linked run for evidence.";

/** RC-25: the failure sentence; null where the run recorded none. */
export function failureSentence(run: RecoveryRun | null): string | null {
  const hasFailure = (run?.error ?? "") !== "" || (run?.errorCode ?? "") !== "";
  return hasFailure ? WITHHELD : null;
}

export interface EscalationText {
  readonly prefix: string;
  /** Who noticed: the sweep, or the end of the run itself. */
  readonly origin: "sweep" | "release";
  readonly status: "todo" | "in_progress";
  readonly run: RecoveryRun | null;
  /** Null: none could be made. */
  readonly recoveryIssue: IssueLabel | null;
}

/** RC-21, RC-23: the comment on an issue that moves to `blocked`. */
export function escalationComment(text: EscalationText): string {
  const { prefix, origin, status, run, recoveryIssue } = text;
  const what = status === "todo" ? "dispatch" : "continuation";
  const when =
    origin === "release"
      ? "during terminal run recovery"
      : status === "todo"
        ? "after a lost wake/run"
        : "after its live execution disappeared";
  const sentence = failureSentence(run);
  const failure = sentence === null ? "" : ` ${sentence}`;
  const opening = `Wakefleet automatically retried ${what} for this assigned \`${status}\` issue ${when}, but it still has no live execution path.${failure} Moving it to \`blocked\` so it is visible for intervention.`;
  const latest = run === null ? [] : [`- Latest run: ${runLink(prefix, run)}`];
  const rest =
    recoveryIssue === null
      ? [
          "- Recovery issue: none created because Wakefleet could not find an invokable manager, creator, or executive owner with budget available.",
          "- Next action: a board operator should assign an invokable recovery owner, fix the agent/runtime state, or record an intentional manual resolution.",
          ...latest,
        ]
      : [
          `- Recovery issue: ${issueLink(prefix, recoveryIssue)}`,
          "- Next action: the recovery owner should either restore a live execution path or record the manual resolution, then mark the recovery issue done.",
          ...latest,
        ];
  return [opening, "", ...rest].join("\n");
}

/** RC-22: the comment on a recovery issue whose own run failed. */
export function blockedInPlaceComment(text: {
  readonly prefix: string;
  readonly issue: IssueLabel;
  readonly status: string;
  readonly run: RecoveryRun | null;
}): string {
  const { prefix, issue, status, run } = text;
  return [
    "Wakefleet stopped automatic stranded-work recovery for this recovery issue.",
    "",
    `- Recovery issue: ${issueLink(prefix, issue)}`,
    `- Previous status: \`${status}\``,
    `- Latest run: ${run === null ? "none" : runLink(prefix, run)}`,
    `- Latest run status: \`${run?.status ?? "unknown"}\``,
    `- Retry reason: \`${run?.retryReason ?? "none"}\``,
    `- Failure: ${failureSentence(run) ?? "none recorded"}`,
    "- Guard: recovery issues do not create nested `stranded_issue_recovery` issues.",
    "",
    "Next action: the current recovery owner should inspect the failed run evidence, restore a live execution path or record the manual resolution, then move this recovery issue out of `blocked`.",
  ].join("\n");
}

/** RC-24a: the description of a recovery issue. */
export function recoveryIssueDescription(text: {
  readonly prefix: string;
  readonly source: IssueLabel;
  readonly previousStatus: string;
  readonly retryReason: string | null;
  readonly run: RecoveryRun | null;
}): string {
  const { prefix, source, previousStatus, run, retryReason } = text;
  return [
    "Wakefleet exhausted automatic recovery for an assigned issue and created this explicit recovery task.",
    "",
    "## Source",
    "",
    `- Source issue: ${issueLink(prefix, source)}`,
    `- Previous source status: \`${previousStatus}\``,
    `- Latest retry run: ${run === null ? "none" : runLink(prefix, run)}`,
    `- Latest retry status: \`${run?.status ?? "unknown"}\``,
    "- Detected invariant: `stranded_assigned_issue`",
    `- Retry reason: \`${retryReason ?? "unknown"}\``,
    `- Failure: ${failureSentence(run) ?? "none recorded"}`,
    "",
    "## Ownership",
    "",
    "- Selected owner: the first invokable manager/creator/executive candidate with budget available.",
    "",
    "## Required Action",
    "",
    "- Inspect the latest run and source issue state.",
    "- Fix the runtime/adapter problem, reassign the source issue, or convert the source issue into a clear manual-review state.",
    "- When the source issue has a live execution path or has been intentionally resolved, mark this recovery issue done.",
  ].join("\n");
}

const MAX_BLOCKED_LINKS = 5;

/** RC-31: the comment on a blocker that goes back to who made it. */
export function orphanBlockerComment(prefix: string, blocked: readonly IssueLabel[]): string {
  const named = new Map(blocked.filter((issue) => issue.identifier !== null).map((issue) => [issue.identifier, issue]));
  const links = [...named.values()].slice(0, MAX_BLOCKED_LINKS).map((issue) => issueLink(prefix, issue));
  return [
    "## Assigned Orphan Blocker",
    "",
    `Wakefleet found this issue is blocking ${links.length === 0 ? "another open issue" : links.join(", ")} but had no assignee, so no heartbeat could pick it up.`,
    "",
    "- Assigned it back to the agent that created the blocker.",
    "- Next action: resolve this blocker or reassign it to the right owner.",
  ].join("\n");
}
