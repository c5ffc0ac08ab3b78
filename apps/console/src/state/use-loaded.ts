/** Something the API answers, kept while it is read again: a page never falls back to "loading" once it has shown something. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiProblem } from "../api/http.js";

export interface Loaded<T> {
  readonly value: T | null;
  /** Why the last reading failed; null after a good one. */
  readonly problem: ApiProblem | null;
  /** Reads again. While a reading is under way, one more follows it. */
  readonly reload: () => void;
}

/** Loads when `key` changes, and again on `reload`. A null key loads nothing. */
export function useLoaded<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; value: T | null; problem: ApiProblem | null }>({
    key,
    value: null,
    problem: null,
  });
  const current = useRef<{ busy: boolean; again: boolean; start: () => void }>({
    busy: false,
    again: false,
    start: () => undefined,
  });
  const loadNow = useRef(load);
  loadNow.current = load;

  useEffect(() => {
    if (key === null) return;
    const over = new AbortController();
    const slot = { busy: false, again: false, start };
    current.current = slot;
    function start(): void {
      if (slot.busy) {
        slot.again = true;
        return;
      }
      slot.busy = true;
      loadNow
        .current(over.signal)
        .then(
          (value) => {
            if (!over.signal.aborted) setState({ key, value, problem: null });
          },
          (error: unknown) => {
            if (over.signal.aborted) return;
            setState((before) => ({ key, value: before.key === key ? before.value : null, problem: asProblem(error) }));
          },
        )
        .finally(() => {
          slot.busy = false;
          if (slot.again && !over.signal.aborted) {
            slot.again = false;
            start();
          }
        });
    }
    start();
    return () => over.abort();
  }, [key]);

  const reload = useCallback(() => current.current.start(), []);
  return state.key === key ? { ...state, reload } : { value: null, problem: null, reload };
}

/** Any failure as the API's kind, so that pages show one kind. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem(error instanceof Error ? error.message : String(error), 0, "unexpected");
}
