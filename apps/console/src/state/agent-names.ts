/** Names of agents by id: lists of runs hold ids only. Names are asked for once, a few at a time, and then known. */
import { useEffect, useReducer } from "preact/hooks";
import { ApiProblem, read } from "../api/http.js";
import { shortId } from "../text/format.js";

const AT_ONCE = 4;

const names = new Map<string, string>();
const wanted: string[] = [];
const asked = new Set<string>();
const listeners = new Set<() => void>();
let underWay = 0;

/** Notes names that an answer held anyway. */
export function learnNames(agents: readonly { readonly id: string; readonly name: string }[]): void {
  for (const { id, name } of agents) names.set(id, name);
}

function ask(): void {
  while (underWay < AT_ONCE) {
    const id = wanted.shift();
    if (id === undefined) return;
    underWay += 1;
    read<{ name: string }>(`/api/agents/${encodeURIComponent(id)}`)
      .then(({ body }) => {
        names.set(id, body.name);
        for (const listener of listeners) listener();
      })
      .catch((error: unknown) => {
        // A name is an extra: without it the id stands there. It is asked for again when it is next shown.
        if (!(error instanceof ApiProblem)) throw error;
        asked.delete(id);
      })
      .finally(() => {
        underWay -= 1;
        ask();
      });
  }
}

/** The names of these agents as far as they are known; the component is drawn again when more are. */
export function useAgentNames(ids: readonly string[]): (id: string) => string {
  const [, redraw] = useReducer((count: number, _: undefined) => count + 1, 0);
  const key = [...new Set(ids)].join(",");
  useEffect(() => {
    const listener = (): void => redraw(undefined);
    listeners.add(listener);
    for (const id of key === "" ? [] : key.split(",")) {
      if (names.has(id) || asked.has(id)) continue;
      asked.add(id);
      wanted.push(id);
    }
    ask();
    return () => void listeners.delete(listener);
  }, [key]);
  return (id) => names.get(id) ?? shortId(id);
}
