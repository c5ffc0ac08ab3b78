/**
 * Streams of a page nobody looks at are let go: a browser keeps few connections to one server, and other tabs need them.
 * Whoever uses this must be able to go on where it was, or to read anew.
 */

/** Opens while the page is visible and closes while it is hidden. `open` answers how to close. Answers how to stop. */
export function whileVisible(open: () => () => void): () => void {
  let close: (() => void) | null = null;
  const update = (): void => {
    if (document.hidden) {
      close?.();
      close = null;
    } else {
      close ??= open();
    }
  };
  document.addEventListener("visibilitychange", update);
  update();
  return () => {
    document.removeEventListener("visibilitychange", update);
    close?.();
    close = null;
  };
}
