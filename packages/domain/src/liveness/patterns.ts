/**
 * What the words of a run say (LV-27, LV-28): the patterns by which its output is judged. All ignore case; "within N" is
 * N characters on the same line. Every pattern is linear in the text, because agents choose the texts.
 */

/** Inspecting and changing: the verbs that a plan names and that are safe to go on with. */
const VERBS = "inspect|check|review|look|investigate|analy[sz]e|open|read|start|begin";
const WORK = "implement|fix|test|update|create|add";
/** White space that does not leave the line. */
const BLANK = "[^\\S\\r\\n]*";
const NEEDS = "need(?:s|ed)?|requires?";
const STUCK = "can't proceed|cannot proceed|unable to proceed|waiting on";

/** LV-28a: "I will inspect …". Nothing stands between the phrase and the verb but `first`. */
export const PLAN_PHRASE = new RegExp(
  `\\b(?:i'll|i will|i am going to|i'm going to|let me|i need to|next,?|next i will|next i'll|my next step is|the next step is)\\s+(?:first\\s+)?(?:${VERBS}|work on|${WORK})\\b`,
  "i",
);
/** LV-28b: a line `Plan:` or `Next steps:`. */
export const PLAN_HEADING = new RegExp(`^${BLANK}(?:next steps?|plan)${BLANK}:`, "im");
/** LV-28c: a line `Next action: …`. */
export const NEXT_LABEL = new RegExp(`^${BLANK}next(?: steps?| action)?${BLANK}:`, "im");
/** LV-28d. */
export const BLOCKER = new RegExp(
  `\\b(?:blocked|${STUCK})\\b|\\b(?:${NEEDS}) .{0,80}\\b(?:approval|access|credentials?|secret|api key|token|input|clarification)\\b`,
  "i",
);
/** LV-28e. */
export const NEGATED_BLOCKER = /\b(?:not blocked|no blockers?|unblocked)\b/i;
/** LV-28f. */
export const APPROVAL = new RegExp(
  `approval required|\\b(?:${NEEDS}|waiting on) .{0,80}\\bapproval\\b|(?:pending|board|human|user|operator) approval`,
  "i",
);
/** LV-28g. */
export const EXTERNAL_BLOCKER = new RegExp(
  `\\b(?:${STUCK}|blocked by|blocked on|${NEEDS}) .{0,120}\\b(?:access|credentials?|secrets?|api key|token|password|login|account|permissions?|input|clarification)\\b`,
  "i",
);
/** LV-33: what makes a plain blocker one from outside. */
export const EXTERNAL_WORD = /\b(?:credential|secret|api key|token|access|input|clarification)\b/i;
/** LV-28h. */
export const MANAGER_REVIEW = new RegExp(
  [
    "(?:manager|human|manual|security) review|escalate|production deploy|deploy(?:ing)? to prod|prod deploy",
    "production access|rotate .{0,40}(?:secret|key|token)|delete .{0,40}production|security-sensitive",
    "credentialed operation|budget-sensitive|(?:cost|spend) approval",
  ].join("|"),
  "i",
);
/** LV-28i. */
export const RUNNABLE = new RegExp(
  `\\b(?:run|rerun|execute)\\s+(?:pnpm|npm|yarn|bun|vitest|jest|pytest|cargo|go test|curl|test|typecheck|build|lint|package|verification)|\\b(?:${VERBS}|continue|${WORK}|write|verify|validate|report)\\b`,
  "i",
);

const PLANNING_TITLE =
  /\b(?:plan|planning|analysis|investigation|research|report|proposal|design doc|write-up|writeup)\b/i;
const PLANNING_DESCRIPTION =
  /\b(?:create|write|produce|draft|update|revise|prepare)\s+(?:a |the )?(?:plan|analysis|investigation|research report|report|proposal|design doc|write-up|writeup)\b/i;

/** LV-28j: an issue whose result is a text, not an action. */
export function isPlanningTask(issue: { readonly title: string; readonly description: string | null }): boolean {
  return PLANNING_TITLE.test(issue.title) || PLANNING_DESCRIPTION.test(issue.description ?? "");
}

const NOISE = [
  /^(?:command|status|exit_code|tool|tool_call|tool_result|stdout|stderr|event|payload|session|cwd|ref_id)\s*:/i,
  /^[{[].{0,80}(?:tool|event|stdout|stderr|cmd|payload|command)/i,
  /^\$?\s*(?:rg|sed|cat|ls|git|pnpm|npm|yarn|curl|node|python)\b/i,
];

/** LV-27: a line that is the trace of a tool, not a word of the agent. */
export function isNoisyLine(line: string): boolean {
  const trimmed = line.trim();
  return trimmed === "" || NOISE.some((pattern) => pattern.test(trimmed));
}
