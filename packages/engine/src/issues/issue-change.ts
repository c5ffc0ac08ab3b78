/**
 * The one transaction of a change of issues (API-14, CO-64): the change, its comment, its activity and the wakes it causes
 * commit together; queues, workers and listeners are told after the commit.
 *
 * What must stay true: agents are locked first, then the relations of the company, then issues, each in id order, before
 * anything is decided. What a change may reach is foreseen without locks; when it turns out to reach further, nothing of it
 * is kept and it is done again with more locked. So `work` may have no effects beside its transaction.
 */
import { staleClaim, WakefleetError } from "@wakefleet/contracts";
import { type IssueWake, strongestOf } from "@wakefleet/domain";
import {
  type Database,
  holdClaim,
  type IssueRow,
  isRetryable,
  type LockedAgent,
  lockAgents,
  lockIssueRelations,
  lockIssueRows,
  type Sql,
} from "@wakefleet/store";
import { type ActivityNote, noteActivities } from "../activity/note-activities.js";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { ControlChannel, LiveEventPublisher, Log, RunQueue } from "../ports.js";
import { type AfterCommit, carryOut, nothingAfterCommit } from "../runs/after-commit.js";
import { type CancelledWork, dropEndedJobs, tellAsked } from "../runs/cancelled-work.js";
import { acceptIssueWakes } from "./accept-issue-wakes.js";
import type { IssueActor } from "./issue-caller.js";
import { reorderWaitingRuns } from "./reorder-waiting-runs.js";

export interface IssueDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
  readonly queue: Pick<RunQueue, "removeJob" | "setPriority">;
  readonly control: ControlChannel;
  readonly log: Log;
}

/** What a change locks before it decides. */
export interface IssueScope {
  readonly agentIds: readonly string[];
  readonly issueIds: readonly string[];
  /** The company whose relations (parents, blockers) the change moves, and whose issues alone are locked then; absent: none (DP-4). */
  readonly relationsOf?: string | undefined;
}

/** What `work` is given. */
export interface IssueChange {
  readonly tx: Sql;
  readonly newId: NewId;
  readonly actor: IssueActor;
  readonly after: AfterCommit;
  /** The row as it was when it was locked; null: there is no such issue. Asking for one that is not held starts anew. */
  issue(issueId: string): IssueRow | null;
  /** The locked agent; null: there is none. Asking for one that is not held starts anew. */
  agent(agentId: string): LockedAgent | null;
  /** Goes on only if these are locked; else the change is done again with them. */
  hold(scope: { readonly agentIds: readonly string[]; readonly issueIds: readonly string[] }): void;
  /** An issue that this transaction made is its own: nobody else can see it yet. */
  made(issueId: string): void;
  note(activity: ActivityNote): void;
  /** Wakes that the change causes; of several for one agent and issue the strongest is asked for (CO-62). */
  wake(wakes: readonly IssueWake[]): void;
  /** Waiting runs of these issues may stand elsewhere in their agents' order now (QU-3). */
  reorder(issueIds: readonly string[]): void;
  /** Runs that the change ended or asked to stop. */
  readonly cancelled: CancelledWork;
}

/** Thrown inside the transaction: nothing of it may be kept. Never leaves this file. */
class ScopeTooSmall extends Error {
  override readonly name = "ScopeTooSmall";
  constructor(readonly missing: IssueScope) {
    super("the change reaches agents or issues that it had not locked");
  }
}

const MAX_ATTEMPTS = 4;
/** How often a change may turn out to reach further: each time the world moved under it. */
const MAX_WIDENINGS = 8;

interface Committed<T> {
  readonly result: T;
  readonly after: AfterCommit;
  readonly reordered: ReadonlySet<string>;
  readonly cancelled: CancelledWork;
}

/** Runs `work` in a transaction that holds what `foresee` names. Rejects with what `work` threw; then nothing was written. */
export async function inIssueChange<T>(
  deps: IssueDeps,
  actor: IssueActor,
  foresee: (sql: Sql) => Promise<IssueScope>,
  work: (change: IssueChange) => Promise<T>,
): Promise<T> {
  let scope = await foresee(deps.db.sql);
  let deadlocks = 0;
  let widenings = 0;
  for (;;) {
    try {
      const committed = await deps.db.transaction((tx) => attempt(tx, { deps, actor, scope, work }));
      await tell(deps, committed);
      return committed.result;
    } catch (error) {
      if (error instanceof ScopeTooSmall && widenings < MAX_WIDENINGS) {
        widenings += 1;
        scope = widened(scope, error.missing);
      } else if (isRetryable(error) && deadlocks < MAX_ATTEMPTS) deadlocks += 1;
      else throw error;
    }
  }
}

function widened(scope: IssueScope, missing: IssueScope): IssueScope {
  return {
    ...scope,
    agentIds: [...new Set([...scope.agentIds, ...missing.agentIds])],
    issueIds: [...new Set([...scope.issueIds, ...missing.issueIds])],
  };
}

const NO_AGENTS: ReadonlyMap<string, LockedAgent> = new Map();
const NO_ISSUES: ReadonlyMap<string, IssueRow> = new Map();

async function attempt<T>(
  tx: Sql,
  run: {
    readonly deps: IssueDeps;
    readonly actor: IssueActor;
    readonly scope: IssueScope;
    readonly work: (change: IssueChange) => Promise<T>;
  },
): Promise<Committed<T>> {
  const { deps, actor, scope, work } = run;
  const { agentIds, issueIds, relationsOf } = scope;
  const agents = agentIds.length === 0 ? NO_AGENTS : (await lockAgents(tx, agentIds)).agents;
  if (relationsOf !== undefined) await lockIssueRelations(tx, relationsOf);
  const issues = issueIds.length === 0 ? NO_ISSUES : await lockIssueRows(tx, issueIds, relationsOf);
  const held = { agents: new Set(scope.agentIds), issues: new Set(scope.issueIds) };
  const after = nothingAfterCommit();
  const notes: ActivityNote[] = [];
  const wakes: IssueWake[] = [];
  const reordered = new Set<string>();
  const cancelled: CancelledWork = { ended: [], asked: [] };
  const hold: IssueChange["hold"] = (wanted) => {
    const agentIds = wanted.agentIds.filter((id) => !held.agents.has(id));
    const issueIds = wanted.issueIds.filter((id) => !held.issues.has(id));
    if (agentIds.length > 0 || issueIds.length > 0) throw new ScopeTooSmall({ agentIds, issueIds });
  };
  const result = await work({
    tx,
    newId: deps.newId,
    actor,
    after,
    cancelled,
    hold,
    issue(issueId) {
      hold({ agentIds: [], issueIds: [issueId] });
      return issues.get(issueId) ?? null;
    },
    agent(agentId) {
      hold({ agentIds: [agentId], issueIds: [] });
      return agents.get(agentId) ?? null;
    },
    made: (issueId) => void held.issues.add(issueId),
    note: (activity) => void notes.push(activity),
    wake: (more) => void wakes.push(...more),
    reorder: (issueIds) => {
      for (const id of issueIds) reordered.add(id);
    },
  });
  await noteActivities(tx, after, { actor, notes });
  const asking = strongestOf(wakes);
  hold({ agentIds: asking.map((wake) => wake.agentId), issueIds: asking.map((wake) => wake.issueId) });
  await acceptIssueWakes(tx, { newId: deps.newId, log: deps.log, after }, { actor, wakes: asking });
  await assertClaimHolds(tx, actor);
  return { result, after, reordered, cancelled };
}

/** BY-8: looked at last, under a lock that the run's end waits for, so that nothing slips in between that end and the commit. */
async function assertClaimHolds(tx: Sql, { runId, claimToken }: IssueActor): Promise<void> {
  if (runId === null || claimToken === null) return;
  if (!(await holdClaim(tx, { runId, claimToken }))) throw staleClaim();
}

/** After the commit. Losing any of it loses nothing but the order of waiting runs: the outbox and the gates make up for it. */
async function tell<T>(deps: IssueDeps, committed: Committed<T>): Promise<void> {
  carryOut(deps, committed.after);
  await tellAsked(deps, committed.cancelled);
  await dropEndedJobs(deps, committed.cancelled);
  await reorderWaitingRuns(deps, [...committed.reordered]);
}

/** A change of one issue that is there, with nothing else to lock but `agentIds`. Throws `not_found`. */
export async function onLockedIssue<T>(
  deps: IssueDeps,
  target: { readonly actor: IssueActor; readonly issueId: string; readonly agentIds?: readonly string[] },
  work: (change: IssueChange, issue: IssueRow) => Promise<T>,
): Promise<T> {
  const { actor, issueId, agentIds = [] } = target;
  const scope = { agentIds, issueIds: [issueId] };
  return await inIssueChange(
    deps,
    actor,
    async () => scope,
    async (change) => await work(change, requireLocked(change, issueId)),
  );
}

/** The locked issue. Throws `not_found`. */
export function requireLocked(change: Pick<IssueChange, "issue">, issueId: string): IssueRow {
  const issue = change.issue(issueId);
  if (issue === null) throw issueNotFound();
  return issue;
}

export function issueNotFound(): WakefleetError {
  return new WakefleetError("not_found", "Issue not found");
}
