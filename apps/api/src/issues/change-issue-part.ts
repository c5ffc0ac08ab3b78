/** Finds the issue a path names, and changes what belongs to it in the engine's transaction (IM of API-35). */
import type { IssuePart } from "@wakefleet/engine";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { requireIssue } from "./find-issue.js";
import { issueCaller } from "./issue-caller.js";

/** Runs `work` under the issue's lock when the caller may change the issue; throws 404, 403, 401 or 409 otherwise. */
export async function changeIssuePart<T>(
  deps: ApiDeps,
  command: { readonly caller: Principal; readonly ref: string },
  work: (part: IssuePart) => Promise<T>,
): Promise<T> {
  const caller = issueCaller(command.caller);
  const { id: issueId } = await requireIssue(deps, command);
  return await deps.engine.changeIssuePart({ caller, issueId }, work);
}
