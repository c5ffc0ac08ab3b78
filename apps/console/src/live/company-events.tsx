/**
 * The company's live events (API-261) over one connection for the whole console. Whoever listens must be able to read its
 * state anew at any time: after a gap the stream says so instead of repeating what was missed.
 */
import { type ComponentChildren, createContext, type JSX } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { LiveEvent } from "../api/shapes.js";
import { whileVisible } from "./while-visible.js";

/** An event, or `gap`: something may have been missed. */
export type Heard = LiveEvent | { readonly type: "gap" };
export type Connection = "connecting" | "live" | "away";

type Listener = (heard: Heard) => void;
interface Channel {
  readonly connection: Connection;
  readonly listen: (listener: Listener) => () => void;
}

const TYPES = [
  "heartbeat.run.queued",
  "heartbeat.run.status",
  "heartbeat.run.event",
  "agent.status",
  "agent.run.started",
  "agent.run.finished",
  "agent.run.failed",
  "agent.run.cancelled",
  "wakeup.recorded",
  "worker.status",
  "activity.logged",
] as const;

const REOPEN_MS = 3_000;

const EventsChannel = createContext<Channel>({ connection: "connecting", listen: () => () => undefined });

export function CompanyEvents(props: { companyId: string | null; children: ComponentChildren }): JSX.Element {
  const { companyId } = props;
  const [connection, setConnection] = useState<Connection>("connecting");
  const listeners = useRef(new Set<Listener>());
  const [listen] = useState(() => (listener: Listener) => {
    listeners.current.add(listener);
    return () => void listeners.current.delete(listener);
  });

  useEffect(() => {
    if (companyId === null) return;
    const tell = (heard: Heard): void => {
      for (const listener of listeners.current) listener(heard);
    };
    return followCompany({ companyId, tell, onConnection: setConnection });
  }, [companyId]);

  return <EventsChannel.Provider value={{ connection, listen }}>{props.children}</EventsChannel.Provider>;
}

/** Keeps a stream open until it is told to stop. */
function followCompany(follow: {
  companyId: string;
  tell: Listener;
  onConnection: (connection: Connection) => void;
}): () => void {
  const { companyId, tell, onConnection } = follow;
  const url = `/api/companies/${companyId}/events/stream?types=${TYPES.join(",")}`;
  let source: EventSource | null = null;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let wasOpen = false;

  const open = (): void => {
    source = new EventSource(url);
    source.onopen = () => {
      onConnection("live");
      if (wasOpen) tell({ type: "gap" });
      wasOpen = true;
    };
    source.onerror = () => {
      onConnection("away");
      // The browser comes back by itself after a lost connection, but not after a refusal.
      if (source?.readyState === EventSource.CLOSED) reopening = setTimeout(open, REOPEN_MS);
    };
    for (const type of TYPES) {
      source.addEventListener(type, (message) => tell(JSON.parse((message as MessageEvent<string>).data) as LiveEvent));
    }
    source.addEventListener("stream.reset", () => tell({ type: "gap" }));
  };
  onConnection("connecting");
  return whileVisible(() => {
    open();
    return () => {
      clearTimeout(reopening);
      source?.close();
    };
  });
}

/** Whether live events arrive. */
export function useConnection(): Connection {
  return useContext(EventsChannel).connection;
}

/** Calls `hear` for every event; the latest `hear` counts. */
export function useHeard(hear: Listener): void {
  const { listen } = useContext(EventsChannel);
  const latest = useRef(hear);
  latest.current = hear;
  useEffect(() => listen((heard) => latest.current(heard)), [listen]);
}

const AT_MOST_EVERY_MS = 1_000;

/**
 * Reads again when an event says that something changed, at most once a second, and in any case every `everyMs` while the
 * page is visible.
 */
export function useLiveReload(input: {
  reload: () => void;
  isAbout: (heard: LiveEvent) => boolean;
  everyMs: number;
}): void {
  const { everyMs } = input;
  // The latest one counts: a component that is drawn again must not lose a reading that is due.
  const reload = useRef(input.reload);
  reload.current = input.reload;
  const pending = useRef<ReturnType<typeof setTimeout> | null>(null);
  const last = useRef(Number.NEGATIVE_INFINITY);
  const soon = (): void => {
    if (pending.current !== null) return;
    const wait = Math.max(0, last.current + AT_MOST_EVERY_MS - performance.now());
    pending.current = setTimeout(() => {
      pending.current = null;
      last.current = performance.now();
      reload.current();
    }, wait);
  };
  useHeard((heard) => {
    if (heard.type === "gap" || input.isAbout(heard)) soon();
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) reload.current();
    }, everyMs);
    const onVisible = (): void => {
      if (!document.hidden) reload.current();
    };
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", onVisible);
      if (pending.current !== null) clearTimeout(pending.current);
      pending.current = null;
    };
  }, [everyMs]);
}
