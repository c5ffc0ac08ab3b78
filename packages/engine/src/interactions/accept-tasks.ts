/** Making the issues that people accepted of those suggested (API-182), each as a child, with its activity and its wake (W14). */
import { issueCreateSchema, type JsonObject, type SuggestedTask, WakefleetError } from "@wakefleet/contracts";
import type { IssueRow } from "@wakefleet/store";
import { insertChild, noteChild } from "../issues/create-issue.js";
import type { IssueCaller } from "../issues/issue-caller.js";
import type { IssueChange } from "../issues/issue-change.js";

export interface TasksToMake {
  readonly caller: IssueCaller;
  /** The locked issue of the interaction: the parent where nothing else is named. */
  readonly issue: IssueRow;
  readonly interactionId: string;
  readonly defaultParentId: string | null;
  /** Parents before children. */
  readonly tasks: readonly SuggestedTask[];
}

/** Makes them in order; answers what the result tells of each. Throws where one cannot be made: then none is. */
export async function makeTasks(change: IssueChange, making: TasksToMake): Promise<JsonObject[]> {
  const { caller, interactionId } = making;
  const made = new Map<string, IssueRow>();
  const told: JsonObject[] = [];
  for (const task of making.tasks) {
    const parent = parentOf(change, { making, made, task });
    const created = await insertChild(change, { caller, parent, body: bodyOf(task), origin: "interaction" });
    noteChild(change, created, { interactionId });
    made.set(task.clientKey, created);
    told.push({
      clientKey: task.clientKey,
      issueId: created.id,
      identifier: created.identifier,
      title: created.title,
      parentIssueId: parent.id,
      parentIdentifier: parent.identifier,
    });
  }
  return told;
}

/** The ids of existing issues that become parents, beside the interaction's own. */
export function namedParents(
  tasks: readonly Pick<SuggestedTask, "parentId">[],
  defaultParentId: string | null,
): string[] {
  const ids = [defaultParentId, ...tasks.map(({ parentId }) => parentId)];
  return [...new Set(ids.flatMap((id) => (id == null ? [] : [id.toLowerCase()])))];
}

function parentOf(
  change: IssueChange,
  at: { making: TasksToMake; made: ReadonlyMap<string, IssueRow>; task: SuggestedTask },
): IssueRow {
  const { making, made, task } = at;
  const { issue } = making;
  if (task.parentClientKey != null) {
    const parent = made.get(task.parentClientKey);
    if (parent === undefined) throw new Error(`task ${task.clientKey} was to be made before its parent`);
    return parent;
  }
  const id = (task.parentId ?? making.defaultParentId ?? issue.id).toLowerCase();
  const parent = id === issue.id ? issue : change.issue(id);
  if (parent === null || parent.companyId !== issue.companyId) {
    const message = "Suggested tasks reference parent issues outside this company or issue tree";
    throw new WakefleetError("unprocessable", message, { parentId: id });
  }
  return parent;
}

/** Somebody accepted it: it is work to be done. What is not named takes the defaults of any new issue. */
function bodyOf(task: SuggestedTask): ReturnType<typeof issueCreateSchema.parse> {
  return issueCreateSchema.parse({
    title: task.title,
    description: task.description,
    status: "todo",
    ...(task.priority != null && { priority: task.priority }),
    assigneeAgentId: task.assigneeAgentId,
    assigneeUserId: task.assigneeUserId,
    projectId: task.projectId,
    goalId: task.goalId,
    billingCode: task.billingCode,
  });
}
