/** Addresses of the console and moving between them without loading the page anew. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

export type Place =
  | { readonly page: "fleet" }
  | { readonly page: "agents" }
  | { readonly page: "agent"; readonly id: string }
  | { readonly page: "runs" }
  | { readonly page: "run"; readonly id: string }
  | { readonly page: "issue"; readonly id: string }
  | { readonly page: "unknown" };

const MOVED = "wakefleet:moved";

/** What an address shows. */
export function placeOf(path: string): Place {
  const [first = "", id, ...rest] = path.replace(/^\/+|\/+$/g, "").split("/");
  if (rest.length > 0) return { page: "unknown" };
  if (id === undefined || id === "") {
    if (first === "") return { page: "fleet" };
    return first === "agents" || first === "runs" ? { page: first } : { page: "unknown" };
  }
  const decoded = decodedOrNull(id);
  if (decoded === null) return { page: "unknown" };
  if (first === "agents") return { page: "agent", id: decoded };
  if (first === "runs") return { page: "run", id: decoded };
  if (first === "issues") return { page: "issue", id: decoded };
  return { page: "unknown" };
}

function decodedOrNull(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    // An address somebody typed; the page for unknown ones says so.
    return null;
  }
}

/** Goes to an address of the console. `replace`: the one before is not kept in the history. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (options.replace === true) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  dispatchEvent(new Event(MOVED));
}

/** The address, as state. */
export function useAddress(): { path: string; query: URLSearchParams } {
  const [address, setAddress] = useState(location.pathname + location.search);
  useEffect(() => {
    const update = (): void => setAddress(location.pathname + location.search);
    addEventListener("popstate", update);
    addEventListener(MOVED, update);
    return () => {
      removeEventListener("popstate", update);
      removeEventListener(MOVED, update);
    };
  }, []);
  const url = new URL(address, location.origin);
  return { path: url.pathname, query: url.searchParams };
}

interface LinkProps {
  readonly href: string;
  readonly class?: string;
  readonly title?: string;
  readonly "aria-current"?: "page" | undefined;
  readonly children: ComponentChildren;
}

/** A link within the console; with a modifier key it is a link like any other. */
export function Link({ href, children, ...rest }: LinkProps): JSX.Element {
  const onClick = (event: MouseEvent): void => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    event.preventDefault();
    navigate(href);
    scrollTo(0, 0);
  };
  return (
    <a {...rest} href={href} onClick={onClick}>
      {children}
    </a>
  );
}
