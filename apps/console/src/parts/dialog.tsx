/** Dialogs of the browser's own kind: they keep the focus, and Escape closes them. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Shown while it is rendered. `onClose` when it was closed in whichever way. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} aria-label={props.title} onClose={props.onClose}>
      <h2>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm(props: {
  title: string;
  text: string;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
}): JSX.Element {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <p>{props.text}</p>
      <form method="dialog" class="row end">
        <button type="submit" class="plain">
          Keep it
        </button>
        <button type="submit" class="danger" onClick={props.onConfirm}>
          {props.action}
        </button>
      </form>
    </Dialog>
  );
}
