/** Which suggested tasks become issues, and in which order: a parent is always made before its children (API-181, API-182). Pure. */
import type { SuggestedTask } from "@wakefleet/contracts";

export type TaskSelection =
  | {
      readonly kind: "selected";
      /** Parents before children, else in the order they were suggested. */
      readonly tasks: readonly SuggestedTask[];
      readonly skippedClientKeys: readonly string[];
    }
  | { readonly kind: "refuse"; readonly text: string };

const refuse = (text: string): TaskSelection => ({ kind: "refuse", text });

/** Judges a selection; absent keys select every task. */
export function selectTasks(
  suggested: readonly SuggestedTask[],
  selectedClientKeys?: readonly string[] | undefined,
): TaskSelection {
  const byKey = new Map(suggested.map((task) => [task.clientKey, task]));
  const unknown = selectedClientKeys?.find((key) => !byKey.has(key));
  if (unknown !== undefined) return refuse(`Unknown suggested task clientKey: ${unknown}`);
  const selected = new Set(selectedClientKeys ?? byKey.keys());
  if (selected.size === 0) return refuse("Select at least one suggested task to accept");
  const tasks = new Set<SuggestedTask>();
  for (const task of suggested.filter(({ clientKey }) => selected.has(clientKey))) {
    const line: SuggestedTask[] = [];
    for (let next: SuggestedTask | undefined = task; next !== undefined && !tasks.has(next); ) {
      if (line.includes(next)) return refuse("Suggested tasks contain a parentClientKey cycle");
      line.unshift(next);
      const parentKey: string | null = next.parentClientKey ?? null;
      if (parentKey === null) break;
      const parent = byKey.get(parentKey);
      if (parent === undefined) return refuse(`Unknown parentClientKey: ${parentKey}`);
      if (!selected.has(parentKey)) {
        return refuse(`Suggested task ${next.clientKey} requires its parent ${parentKey} to also be selected`);
      }
      next = parent;
    }
    for (const one of line) tasks.add(one);
  }
  const skippedClientKeys = suggested.map(({ clientKey }) => clientKey).filter((key) => !selected.has(key));
  return { kind: "selected", tasks: [...tasks], skippedClientKeys };
}
