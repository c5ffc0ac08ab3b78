/** Keys that work everywhere, and the list of them behind `?`. Nothing happens while somebody types or a dialog is open. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { navigate } from "../navigation.js";
import { Dialog } from "./dialog.js";

const GO: Readonly<Record<string, string>> = { f: "/", a: "/agents", r: "/runs" };
const BOARD = "/queues";
const SEQUENCE_MS = 1_500;

export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ["g then f", "The fleet"],
  ["g then a", "Agents"],
  ["g then r", "Runs"],
  ["g then q", "Queues (Bull Board)"],
  ["/", "To the search or filter of a page"],
  ["c", "On a run: cancel it (asks first)"],
  ["l", "On a run: to its log"],
  ["?", "This list"],
  ["Esc", "Closes a dialog"],
];

/** True when a key press belongs to a field, a dialog or the browser. */
function isTaken(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  const { target } = event;
  if (target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null)
    return true;
  return document.querySelector("dialog[open]") !== null;
}

/** Calls `press` for a key that belongs to nobody else. */
export function useKey(key: string, press: () => void): void {
  const latest = useRef(press);
  latest.current = press;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== key || isTaken(event)) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [key]);
}

export function Keyboard({
  isHelpOpen,
  onHelp,
}: {
  isHelpOpen: boolean;
  onHelp: (open: boolean) => void;
}): JSX.Element {
  const startedAt = useRef(Number.NEGATIVE_INFINITY);
  const [isGoing, setIsGoing] = useState(false);
  useKey("?", () => onHelp(true));
  useKey("/", () => document.querySelector<HTMLElement>("[data-search]")?.focus());
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (isTaken(event)) return;
      const isSecond = performance.now() - startedAt.current < SEQUENCE_MS;
      startedAt.current = event.key === "g" && !isSecond ? performance.now() : Number.NEGATIVE_INFINITY;
      setIsGoing(event.key === "g" && !isSecond);
      if (!isSecond) return;
      const to = GO[event.key];
      if (to !== undefined) navigate(to);
      else if (event.key === "q") location.assign(BOARD);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <>
      {isGoing && (
        <p class="hint" aria-hidden="true">
          g … then f, a, r or q
        </p>
      )}
      {isHelpOpen && (
        <Dialog title="Keys" onClose={() => onHelp(false)}>
          <dl class="keys">
            {KEYS.map(([keys, does]) => (
              <div key={keys}>
                <dt>
                  <kbd>{keys}</kbd>
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
          <form method="dialog" class="row end">
            <button type="submit" class="plain">
              Close
            </button>
          </form>
        </Dialog>
      )}
    </>
  );
}
