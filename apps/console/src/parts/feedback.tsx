/** What a page says about itself: that it loads, that it failed and why, that there is nothing, that something was done. */
import { type ComponentChildren, createContext, type JSX } from "preact";
import { useCallback, useContext, useRef, useState } from "preact/hooks";
import type { ApiProblem } from "../api/http.js";
import { asProblem, type Loaded } from "../state/use-loaded.js";

/** Shows what was loaded; before that, that it loads or why it does not. A later failure stands above the old content. */
export function Shown<T>(props: { loaded: Loaded<T>; children: (value: T) => ComponentChildren }): JSX.Element {
  const { value, problem, reload } = props.loaded;
  return (
    <>
      {problem !== null && <Problem problem={problem} retry={reload} />}
      {value === null ? problem === null && <p class="loading">Loading…</p> : props.children(value)}
    </>
  );
}

export function Problem({ problem, retry }: { problem: ApiProblem; retry: () => void }): JSX.Element {
  return (
    <div class="problem" role="alert">
      <p>{problem.message}</p>
      <button type="button" class="plain" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}

/** Says in passing what became of an action. */
type Say = (text: string, options?: { bad?: boolean }) => void;

const Saying = createContext<Say>(() => undefined);
const SHOWN_MS = 6_000;

export function Toasts({ children }: { children: ComponentChildren }): JSX.Element {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const count = useRef(0);
  const say = useCallback<Say>((text, options = {}) => {
    count.current += 1;
    const toast = { id: count.current, text, bad: options.bad === true };
    setToasts((all) => [...all.slice(-3), toast]);
    setTimeout(() => setToasts((all) => all.filter((one) => one.id !== toast.id)), SHOWN_MS);
  }, []);
  return (
    <Saying.Provider value={say}>
      {children}
      <div class="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <p key={toast.id} class="toast" data-bad={toast.bad}>
            {toast.text}
          </p>
        ))}
      </div>
    </Saying.Provider>
  );
}

/** Runs an action and says what became of it; a failure is said with the API's own sentence. `busy` while it runs. */
export function useAction(): { busy: boolean; run: (action: () => Promise<string>) => void } {
  const say = useContext(Saying);
  const [busy, setBusy] = useState(false);
  const run = (action: () => Promise<string>): void => {
    if (busy) return;
    setBusy(true);
    action()
      .then(
        (text) => say(text),
        (error: unknown) => say(asProblem(error).message, { bad: true }),
      )
      .finally(() => setBusy(false));
  };
  return { busy, run };
}
