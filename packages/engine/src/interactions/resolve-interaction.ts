/**
 * People accept, reject or answer an interaction (API-182): what becomes of it, the issues it makes, its activity and the
 * wakes (W14, W15) are one transaction under the issue's lock. Of two answers at once one wins; the other is told so.
 */
import { readInteractionContent, WakefleetError } from "@wakefleet/contracts";
import {
  type InteractionResolution,
  type InteractionVerdict,
  judgeResolution,
  planInteractionWakes,
} from "@wakefleet/domain";
import {
  findInteraction,
  findIssue,
  type InteractionRow,
  type IssueRow,
  resolveInteraction,
  type Sql,
  touchIssue,
} from "@wakefleet/store";
import { actorOfCaller, type BoardCaller } from "../issues/issue-caller.js";
import {
  type IssueChange,
  type IssueDeps,
  type IssueScope,
  inIssueChange,
  issueNotFound,
  requireLocked,
} from "../issues/issue-change.js";
import { scopeOfIssue } from "../issues/issue-scope.js";
import { makeTasks, namedParents } from "./accept-tasks.js";
import { isTargetStale } from "./confirmation-target.js";
import { noteResolution } from "./note-resolution.js";

export interface ResolveInteractionCommand {
  readonly caller: BoardCaller;
  readonly issueId: string;
  readonly interactionId: string;
  readonly resolution: InteractionResolution;
}

/** Answers the interaction as it then is. Throws `not_found`, `conflict` where it is resolved, `unprocessable`. */
export async function resolveInteractionAs(
  deps: IssueDeps,
  command: ResolveInteractionCommand,
): Promise<InteractionRow> {
  return await inIssueChange(
    deps,
    actorOfCaller(command.caller),
    (sql) => foresee(sql, command),
    (change) => resolve(change, command),
  );
}

/** The issue with its agents; for tasks that are accepted their agents and parents, whose relations move. */
async function foresee(
  sql: Sql,
  { issueId, interactionId, resolution }: ResolveInteractionCommand,
): Promise<IssueScope> {
  const issue = await findIssue(sql, { id: issueId });
  if (issue === null) throw issueNotFound();
  const scope = await scopeOfIssue(sql, issue, { mayEnd: false });
  const interaction = await requireInteraction(sql, { issueId, interactionId });
  const content = readInteractionContent(interaction);
  if (resolution.verb !== "accept" || content?.kind !== "suggest_tasks") return scope;
  const { tasks, defaultParentId = null } = content.payload;
  const assignees = tasks.flatMap(({ assigneeAgentId }) =>
    assigneeAgentId == null ? [] : [assigneeAgentId.toLowerCase()],
  );
  return {
    agentIds: [...new Set([...scope.agentIds, ...assignees])],
    issueIds: [...new Set([...scope.issueIds, ...namedParents(tasks, defaultParentId)])],
    relationsOf: issue.companyId,
  };
}

async function resolve(change: IssueChange, command: ResolveInteractionCommand): Promise<InteractionRow> {
  const { tx, actor } = change;
  const { issueId, interactionId, resolution } = command;
  const issue = requireLocked(change, issueId);
  const before = await requireInteraction(tx, { issueId, interactionId });
  const content = readInteractionContent(before);
  const target = content?.kind === "request_confirmation" ? (content.payload.target ?? null) : null;
  const verdict = judgeResolution(
    { kind: before.kind, status: before.status, content, isTargetStale: await isTargetStale(tx, { issue, target }) },
    resolution,
  );
  if (verdict.kind === "refuse") throw new WakefleetError(verdict.code, verdict.text, { status: before.status });
  const { status, result } = await outcomeOf(change, { command, issue, before, verdict });
  const { agentId, userId } = actor;
  const resolved = await resolveInteraction(tx, { id: before.id, status, result, agentId, userId });
  await touchIssue(tx, issueId);
  noteResolution(change, { issue, interaction: resolved });
  change.wake(planInteractionWakes(resolved, issue));
  return resolved;
}

type Resolved = Pick<Extract<InteractionVerdict, { kind: "resolve" }>, "status" | "result">;

async function outcomeOf(
  change: IssueChange,
  at: {
    command: ResolveInteractionCommand;
    issue: IssueRow;
    before: InteractionRow;
    verdict: Exclude<InteractionVerdict, { kind: "refuse" }>;
  },
): Promise<Resolved> {
  const { command, issue, before, verdict } = at;
  if (verdict.kind === "resolve") return verdict;
  const { tasks, skippedClientKeys } = verdict;
  const { defaultParentId } = before.payload;
  const createdTasks = await makeTasks(change, {
    caller: command.caller,
    issue,
    interactionId: before.id,
    defaultParentId: typeof defaultParentId === "string" ? defaultParentId : null,
    tasks,
  });
  return { status: "accepted", result: { version: 1, createdTasks, skippedClientKeys: [...skippedClientKeys] } };
}

async function requireInteraction(
  sql: Sql,
  key: { readonly issueId: string; readonly interactionId: string },
): Promise<InteractionRow> {
  const interaction = await findInteraction(sql, { issueId: key.issueId, id: key.interactionId });
  if (interaction === null) throw new WakefleetError("not_found", "Interaction not found");
  return interaction;
}
