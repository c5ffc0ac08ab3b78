/**
 * Chains of blocked issues that nobody can move (06 section 7.1 and 7.2). Pure (LV-4): facts of one company in, at most one
 * finding for each source out.
 */
import type { AgentStatus, IssueStatus } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import { issueLabel } from "./links.js";

export interface GraphIssue {
  readonly id: string;
  readonly identifier: string | null;
  readonly title: string;
  readonly status: IssueStatus;
  readonly assigneeAgentId: string | null;
  readonly assigneeUserId: string | null;
  readonly createdByAgentId: string | null;
  /** RC-52. */
  readonly hasWaitingPath: boolean;
  /** Whether there is an execution state, and whom it waits for. */
  readonly review: null | {
    readonly participant: null | { readonly type: "agent" | "user"; readonly id: string | null };
  };
  readonly updatedAtMs: number;
}

export interface GraphAgent {
  readonly id: string;
  readonly status: AgentStatus;
  readonly reportsTo: string | null;
}

export interface GraphFacts {
  readonly companyId: string;
  /** The sources and everything that blocks them, directly or not. */
  readonly issues: ReadonlyMap<string, GraphIssue>;
  /** Blocked issue → its blockers. */
  readonly blockers: ReadonlyMap<string, readonly string[]>;
  /** The assignees and review participants of these issues, as far as they exist in the company. */
  readonly agents: ReadonlyMap<string, GraphAgent>;
}

export type GraphFindingState =
  | "blocked_by_cancelled_issue"
  | "blocked_by_unassigned_issue"
  | "blocked_by_uninvokable_assignee"
  | "invalid_review_participant"
  | "in_review_without_action_path";

export interface PathIssue {
  readonly issueId: string;
  readonly identifier: string | null;
  readonly title: string;
  readonly status: IssueStatus;
}

/** RC-56. */
export interface GraphFinding {
  readonly companyId: string;
  readonly issueId: string;
  readonly identifier: string | null;
  readonly title: string;
  readonly state: GraphFindingState;
  readonly severity: "critical";
  readonly reason: string;
  /** From the source to the leaf. */
  readonly dependencyPath: readonly PathIssue[];
  /** The leaf; for a source in review the source itself. */
  readonly recoveryIssueId: string;
  readonly recommendedAction: string;
  readonly incidentKey: string;
  readonly leafKey: string;
}

/** RC-53: reported once, at the top of its chain. */
export function findGraphIncidents(facts: GraphFacts): GraphFinding[] {
  const inner = unresolvedBlockersOfBlocked(facts);
  const findings: GraphFinding[] = [];
  const sources = [...facts.issues.values()].filter(
    (issue) => (issue.status === "blocked" || issue.status === "in_review") && !inner.has(issue.id),
  );
  for (const source of sources.sort(byLabel)) {
    const finding =
      source.status === "in_review"
        ? judgeReview(facts, { source, issue: source, path: [source] })
        : searchBlockers(facts, { source, path: [source], cleared: new Set() });
    if (finding !== null) findings.push(finding);
  }
  return findings;
}

function unresolvedBlockersOfBlocked(facts: GraphFacts): ReadonlySet<string> {
  const inner = new Set<string>();
  for (const [issueId, blockerIds] of facts.blockers) {
    if (facts.issues.get(issueId)?.status !== "blocked") continue;
    for (const blockerId of blockerIds) {
      const blocker = facts.issues.get(blockerId);
      if (blocker !== undefined && blocker.status !== "done" && blocker.status !== "cancelled") inner.add(blockerId);
    }
  }
  return inner;
}

function byLabel(a: GraphIssue, b: GraphIssue): number {
  const [left, right] = [issueLabel(a), issueLabel(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

interface Walk {
  readonly source: GraphIssue;
  /** From the source to the issue whose blockers are looked at. */
  readonly path: readonly GraphIssue[];
}

interface Search extends Walk {
  /** Issues below which this search found nothing: many paths may lead to one issue, it is looked at once. */
  readonly cleared: Set<string>;
}

function searchBlockers(facts: GraphFacts, walk: Search): GraphFinding | null {
  const at = walk.path.at(-1);
  const blockers = (facts.blockers.get(at?.id ?? "") ?? [])
    .map((id) => facts.issues.get(id))
    .filter((issue) => issue !== undefined && issue.status !== "done" && !walk.path.includes(issue)) as GraphIssue[];
  for (const blocker of blockers.sort(byLabel)) {
    if (walk.cleared.has(blocker.id)) continue;
    const path = [...walk.path, blocker];
    const inner = blocker.status === "blocked" ? searchBlockers(facts, { ...walk, path }) : null;
    if (inner !== null) return inner;
    const isLeftOut = blocker.status === "blocked" && blocker.hasWaitingPath;
    const found = isLeftOut ? null : judgeLeaf(facts, { source: walk.source, issue: blocker, path });
    if (found !== null) return found;
    walk.cleared.add(blocker.id);
  }
  return null;
}

interface Leaf extends Walk {
  readonly issue: GraphIssue;
}

/** RC-54. */
function judgeLeaf(facts: GraphFacts, leaf: Leaf): GraphFinding | null {
  const { issue, source } = leaf;
  const [s, l] = [issueLabel(source), issueLabel(issue)];
  if (issue.status === "cancelled") {
    return finding(facts, leaf, {
      state: "blocked_by_cancelled_issue",
      reason: `${s} is still blocked by cancelled issue ${l}.`,
      action: `Inspect ${l} and either remove it from ${s}'s blockers or replace it with an actionable unblock issue.`,
      keyPart: issue.id,
    });
  }
  if (issue.hasWaitingPath) return null;
  if (issue.status === "in_review") return judgeReview(facts, leaf);
  if (issue.assigneeAgentId === null && issue.assigneeUserId === null) {
    return finding(facts, leaf, {
      state: "blocked_by_unassigned_issue",
      reason: `${s} is blocked by unassigned issue ${l} with no user owner.`,
      action: `Assign ${l} to an owner who can complete it, or remove it from ${s}'s blockers if it is no longer required.`,
      keyPart: issue.id,
    });
  }
  if (issue.assigneeAgentId === null) return null;
  const assignee = facts.agents.get(issue.assigneeAgentId);
  if (assignee !== undefined && isInvokable(assignee.status)) return null;
  const how = assignee === undefined ? "no longer exists" : `is ${assignee.status}`;
  return finding(facts, leaf, {
    state: "blocked_by_uninvokable_assignee",
    reason: `${s} is blocked by ${l}, but its assignee ${how}.`,
    action: `Review ${l} and assign it to an active owner or replace the blocker with an actionable issue.`,
    keyPart: issue.id,
  });
}

/** RC-55. */
function judgeReview(facts: GraphFacts, leaf: Leaf): GraphFinding | null {
  const { issue } = leaf;
  const r = issueLabel(issue);
  const repair = `Repair ${r}'s review participant or return the issue to an active assignee with a clear change request.`;
  if (issue.hasWaitingPath) return null;
  if (issue.review !== null) {
    const { participant } = issue.review;
    if (participant?.type === "agent" && participant.id !== null) {
      const agent = facts.agents.get(participant.id);
      if (agent !== undefined && isInvokable(agent.status)) return null;
      const how = agent === undefined ? "cannot be resolved" : `is ${agent.status}`;
      return finding(facts, leaf, {
        state: "invalid_review_participant",
        reason: `${r} is in review, but current participant agent ${how}.`,
        action: repair,
        keyPart: participant.id,
      });
    }
    if (participant?.type === "user" && participant.id !== null) return null;
    return finding(facts, leaf, {
      state: "invalid_review_participant",
      reason: `${r} is in review, but its current participant cannot be resolved.`,
      action: repair,
      keyPart: "none",
    });
  }
  if (issue.assigneeAgentId === null) return null;
  return finding(facts, leaf, {
    state: "in_review_without_action_path",
    reason: `${r} is in review with an agent assignee but no participant, interaction, approval, user owner, wake, active run, or recovery issue owning the next action.`,
    action: `Review ${r} and make the next action explicit: add a reviewer/interaction, return it to active work with a change request, mark it done if accepted, or open a bounded recovery issue.`,
    keyPart: issue.id,
  });
}

function finding(
  { companyId }: GraphFacts,
  { source, issue, path }: Leaf,
  what: {
    readonly state: GraphFindingState;
    readonly reason: string;
    readonly action: string;
    readonly keyPart: string;
  },
): GraphFinding {
  const { state, reason, action, keyPart } = what;
  return {
    companyId,
    issueId: source.id,
    identifier: source.identifier,
    title: source.title,
    state,
    severity: "critical",
    reason,
    dependencyPath: path.map(({ id, identifier, title, status }) => ({ issueId: id, identifier, title, status })),
    recoveryIssueId: issue.id,
    recommendedAction: action,
    incidentKey: `harness_liveness:${companyId}:${source.id}:${state}:${keyPart}`,
    leafKey: `harness_liveness_leaf:${companyId}:${state}:${issue.id}`,
  };
}

export type GraphOwnerReason =
  | "stalled_blocker_assignee"
  | "assignee_reporting_chain"
  | "creator_reporting_chain"
  | "root_agent"
  | "ordered_invokable_fallback";

export interface GraphOwner {
  readonly agentId: string;
  readonly reason: GraphOwnerReason;
  /** The issue whose people led to this agent. */
  readonly sourceIssueId: string;
}

/** RC-57: invokable agents of the company in the order they are asked; each once. `agents` are all of the company. */
export function graphOwners(leaf: GraphIssue, agents: ReadonlyMap<string, GraphAgent>): GraphOwner[] {
  const owners = new Map<string, GraphOwner>();
  const add = (agentId: string | null, reason: GraphOwnerReason): void => {
    const agent = agentId === null ? undefined : agents.get(agentId);
    if (agent === undefined || !isInvokable(agent.status) || owners.has(agent.id)) return;
    owners.set(agent.id, { agentId: agent.id, reason, sourceIssueId: leaf.id });
  };
  const isClosed = leaf.status === "done" || leaf.status === "cancelled";
  if (!isClosed) add(leaf.assigneeAgentId, "stalled_blocker_assignee");
  for (const id of managersOf(leaf.assigneeAgentId, agents)) add(id, "assignee_reporting_chain");
  for (const id of managersOf(leaf.createdByAgentId, agents)) add(id, "creator_reporting_chain");
  const byId = [...agents.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const agent of byId) if (agent.reportsTo === null) add(agent.id, "root_agent");
  for (const agent of byId) add(agent.id, "ordered_invokable_fallback");
  return [...owners.values()];
}

function managersOf(agentId: string | null, agents: ReadonlyMap<string, GraphAgent>): string[] {
  const chain: string[] = [];
  let manager = agentId === null ? null : (agents.get(agentId)?.reportsTo ?? null);
  while (manager !== null && !chain.includes(manager)) {
    chain.push(manager);
    manager = agents.get(manager)?.reportsTo ?? null;
  }
  return chain;
}

/** RC-61: the newest change of the issues on a path; null when one of them cannot be read. */
export function latestChangeOf(path: readonly PathIssue[], issues: ReadonlyMap<string, GraphIssue>): number | null {
  let latest = 0;
  for (const { issueId } of path) {
    const issue = issues.get(issueId);
    if (issue === undefined) return null;
    latest = Math.max(latest, issue.updatedAtMs);
  }
  return latest;
}

/** What an incident key says (RC-56): which source, which state, and the leaf or participant. */
export interface IncidentKeyParts {
  readonly companyId: string;
  readonly sourceIssueId: string;
  readonly state: string;
  readonly part: string;
}

/** Null for a text that is no incident key. */
export function readIncidentKey(key: string | null): IncidentKeyParts | null {
  const [head, companyId, sourceIssueId, state, part, ...rest] = (key ?? "").split(":");
  if (head !== "harness_liveness" || !companyId || !sourceIssueId || !state || !part || rest.length > 0) return null;
  return { companyId, sourceIssueId, state, part };
}

/**
 * RC-59: the escalations that still have their incident: a finding has their key, or their leaf (by the fingerprint, which
 * names it for every state). An issue in review that its own escalation made `blocked` (RC-64) is judged as what it was,
 * or the next round would take back what this one did (RC-89).
 */
export function currentEscalations(
  facts: GraphFacts,
  escalations: readonly {
    readonly id: string;
    readonly originId: string | null;
    readonly originFingerprint: string;
  }[],
): ReadonlySet<string> {
  const issues = new Map(facts.issues);
  for (const { originId } of escalations) {
    const source = issues.get(readIncidentKey(originId)?.sourceIssueId ?? "");
    const wasInReview = REVIEW_STATES.has(readIncidentKey(originId)?.state ?? "");
    if (source?.status === "blocked" && wasInReview && !facts.blockers.has(source.id)) {
      issues.set(source.id, { ...source, status: "in_review" });
    }
  }
  const findings = findGraphIncidents({ ...facts, issues });
  const keys = new Set(findings.flatMap(({ incidentKey, leafKey }) => [incidentKey, leafKey]));
  return new Set(
    escalations
      .filter(({ originId, originFingerprint }) => keys.has(originId ?? "") || keys.has(originFingerprint))
      .map(({ id }) => id),
  );
}

const REVIEW_STATES: ReadonlySet<string> = new Set<GraphFindingState>([
  "invalid_review_participant",
  "in_review_without_action_path",
]);

/** RC-58: clamped inside the service. */
export function clampLookbackHours(hours: number): number {
  return Number.isFinite(hours) ? Math.min(720, Math.max(1, Math.floor(hours))) : 24;
}
