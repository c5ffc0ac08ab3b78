/**
 * Walks every state that a model can reach: the laws are asked in each, and from each it must still be possible to come
 * to rest. What is found comes with the shortest way to it.
 */

export interface Step<State> {
  /** For people: `W1 claims run 0`. */
  readonly name: string;
  readonly next: State;
}

export interface Model<State> {
  readonly initial: State;
  /** Everything that may happen next. */
  steps(state: State): Iterable<Step<State>>;
  /** The law that is broken in this state, or null. */
  broken(state: State): string | null;
  /** Nothing is left to do. */
  isAtRest(state: State): boolean;
  /** The same text for the same state, and only for it. */
  keyOf(state: State): string;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** States in which nothing is left to do. */
  readonly atRest: number;
  /** The first violation found, null when there is none. */
  readonly violation: { readonly law: string; readonly path: readonly string[] } | null;
}

/** Explores breadth first, so that the way to a violation is as short as any. */
export function explore<State>(model: Model<State>): Exploration {
  const ids = new Map<string, number>();
  const states: State[] = [];
  const cameFrom: { readonly id: number; readonly name: string }[] = [];
  const before: number[][] = [];
  let transitions = 0;

  const add = (state: State, from: { id: number; name: string }): number => {
    const key = model.keyOf(state);
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = states.push(state) - 1;
    ids.set(key, id);
    cameFrom.push(from);
    before.push([]);
    return id;
  };
  const pathTo = (id: number): string[] => {
    const path: string[] = [];
    for (let at = id; at > 0; at = cameFrom[at]?.id ?? 0) path.unshift(cameFrom[at]?.name ?? "");
    return path;
  };
  const result = (violation: Exploration["violation"], atRest: number): Exploration => ({
    states: states.length,
    transitions,
    atRest,
    violation,
  });

  add(model.initial, { id: 0, name: "" });
  const resting: number[] = [];
  for (let id = 0; id < states.length; id += 1) {
    const state = states[id] as State;
    const law = model.broken(state);
    if (law !== null) return result({ law, path: pathTo(id) }, resting.length);
    if (model.isAtRest(state)) resting.push(id);
    for (const { name, next } of model.steps(state)) {
      transitions += 1;
      before[add(next, { id, name })]?.push(id);
    }
  }

  const hopeful = new Set(resting);
  for (const id of hopeful) for (const earlier of before[id] ?? []) hopeful.add(earlier);
  const stuck = states.findIndex((_, id) => !hopeful.has(id));
  if (stuck >= 0) {
    return result({ law: "it can no longer come to rest", path: [...pathTo(stuck), "…"] }, resting.length);
  }
  return result(null, resting.length);
}
