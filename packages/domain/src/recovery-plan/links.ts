/** How issues, runs and spans of time are written in the texts of recovery (RC-28, RC-47a). */

export interface IssueLabel {
  readonly id: string;
  readonly identifier: string | null;
}

/** RC-65: identifier, else id. */
export function issueLabel(issue: IssueLabel): string {
  return issue.identifier ?? issue.id;
}

/** RC-28. */
export function issueLink(prefix: string, issue: IssueLabel): string {
  const label = issueLabel(issue);
  return `[${label}](/${prefix}/issues/${label})`;
}

/** RC-28. */
export function runLink(prefix: string, run: { readonly id: string; readonly agentId: string }): string {
  return `[${run.id}](/${prefix}/agents/${run.agentId}/runs/${run.id})`;
}

/** RC-47a: `{m}m`, `{h}h`, `{h}h {m}m`, or `unknown`. */
export function durationText(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return "unknown";
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours === 0) return `${minutes}m`;
  return rest === 0 ? `${hours}h` : `${hours}h ${rest}m`;
}
