/** Which suggested tasks are made, and in which order (API-181, API-182). */
import type { SuggestedTask } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { selectTasks } from "./suggested-tasks.js";

const task = (clientKey: string, parentClientKey?: string): SuggestedTask => ({
  clientKey,
  title: clientKey,
  ...(parentClientKey !== undefined && { parentClientKey }),
});

describe("API-182 the tasks that are accepted", () => {
  it.each([
    { says: "all of them without a selection", tasks: [task("a"), task("b")], made: ["a", "b"], skipped: [] },
    {
      says: "a parent before its children, wherever it stands",
      tasks: [task("leaf", "twig"), task("twig", "root"), task("root")],
      made: ["root", "twig", "leaf"],
      skipped: [],
    },
    {
      says: "those that are selected, in the order they were suggested",
      tasks: [task("a"), task("b"), task("c")],
      selected: ["c", "a"],
      made: ["a", "c"],
      skipped: ["b"],
    },
  ])("API-182 makes $says", ({ tasks, selected, made, skipped }) => {
    const selection = selectTasks(tasks, selected);
    if (selection.kind === "refuse") throw new Error(selection.text);
    expect(selection.tasks.map(({ clientKey }) => clientKey)).toEqual(made);
    expect(selection.skippedClientKeys).toEqual(skipped);
  });

  it.each([
    { tasks: [task("a")], selected: ["x"], text: "Unknown suggested task clientKey: x" },
    { tasks: [task("a")], selected: [], text: "Select at least one suggested task to accept" },
    {
      tasks: [task("a"), task("b", "a")],
      selected: ["b"],
      text: "Suggested task b requires its parent a to also be selected",
    },
    { tasks: [task("a", "x")], text: "Unknown parentClientKey: x" },
    { tasks: [task("a", "a")], text: "Suggested tasks contain a parentClientKey cycle" },
    {
      tasks: [task("a", "c"), task("b", "a"), task("c", "b")],
      text: "Suggested tasks contain a parentClientKey cycle",
    },
  ])("API-181, API-182 refuses: $text", ({ tasks, selected, text }) => {
    expect(selectTasks(tasks, selected)).toEqual({ kind: "refuse", text });
  });

  it("API-182 every task is made once, after its parent, whatever the forest and its order", () => {
    const forests = fc.integer({ min: 1, max: 30 }).chain((size) =>
      fc.tuple(
        fc.array(fc.nat(), { minLength: size, maxLength: size }),
        fc.shuffledSubarray(
          Array.from({ length: size }, (_, n) => n),
          { minLength: size, maxLength: size },
        ),
      ),
    );
    fc.assert(
      fc.property(forests, ([parents, order]) => {
        // Each one's parent is one with a smaller number, or none.
        const tasks = order.map((n) => {
          const parent = (parents[n] ?? 0) % (n + 1);
          return parent === n ? task(`k${n}`) : task(`k${n}`, `k${parent}`);
        });
        const selection = selectTasks(tasks);
        if (selection.kind === "refuse") throw new Error(selection.text);
        const made = selection.tasks.map(({ clientKey }) => clientKey);
        expect([...made].sort()).toEqual(tasks.map(({ clientKey }) => clientKey).sort());
        for (const { clientKey, parentClientKey } of selection.tasks) {
          if (parentClientKey != null) expect(made.indexOf(parentClientKey)).toBeLessThan(made.indexOf(clientKey));
        }
      }),
    );
  });
});
