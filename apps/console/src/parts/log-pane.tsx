/**
 * A run's output as it comes. Text is put in as text, never as markup; lines are added to the page directly, some at a
 * time, since a thousand of them a second would be too many to compare with what was there.
 */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { followRunLog, type LogLine } from "../live/run-log.js";
import { bytes } from "../text/format.js";
import { plainText } from "../text/plain.js";
import { useKey } from "./keyboard.js";

/** Chunks that stay on the page; older ones leave at the top. */
const MAX_CHUNKS = 4_000;
/** Closer to the end than this counts as being there. */
const AT_END_PX = 40;
const SERVICE_PREFIX = "[wakefleet] ";

export interface LoggedRun {
  readonly id: string;
  readonly logBytes: number | null;
}

type State = "connecting" | "following" | "ended" | "away";
const STATE_TEXT: Readonly<Record<State, string>> = {
  connecting: "connecting…",
  following: "following live",
  ended: "complete",
  away: "connection lost, trying again",
};

export function LogPane({ run }: { run: LoggedRun }): JSX.Element {
  const pane = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  const [isFollowing, setIsFollowing] = useState(true);
  const [state, setState] = useState<State>("connecting");
  const [skipped, setSkipped] = useState(0);
  const [fromStart, setFromStart] = useState(false);
  const [isEmpty, setIsEmpty] = useState(true);

  const follow = (on: boolean): void => {
    follows.current = on;
    setIsFollowing(on);
    if (on && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
  };
  useKey("l", () => pane.current?.focus());

  // The size matters only for where the log begins to be shown: it must not restart the stream when it grows.
  const { id } = run;
  const logBytes = useRef(run.logBytes);
  logBytes.current = run.logBytes;
  useEffect(() => {
    const element = pane.current;
    if (element === null) return;
    element.replaceChildren();
    setIsEmpty(true);
    setState("connecting");
    const writer = createWriter(element, () => follows.current);
    let isOver = false;
    const stop = followRunLog(
      { id, logBytes: logBytes.current, fromStart },
      {
        onStart: setSkipped,
        onLine: (line) => {
          setIsEmpty(false);
          writer.add(line);
        },
        onEnd: () => {
          isOver = true;
          setState("ended");
        },
        onConnection: (isConnected) => {
          if (!isOver) setState(isConnected ? "following" : "away");
        },
      },
    );
    return () => {
      stop();
      writer.stop();
    };
  }, [id, fromStart]);

  const onScroll = (): void => {
    const element = pane.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < AT_END_PX;
    if (isAtEnd === follows.current) return;
    follows.current = isAtEnd;
    setIsFollowing(isAtEnd);
  };

  return (
    <section class="card log" aria-label="Log">
      <header class="row">
        <h2>Log</h2>
        <span class="quiet" data-log-state={state}>
          {STATE_TEXT[state]}
        </span>
        <span class="grow" />
        {state !== "ended" && (
          <button type="button" class="plain" aria-pressed={isFollowing} onClick={() => follow(!isFollowing)}>
            {isFollowing ? "Following the end" : "Follow the end"}
          </button>
        )}
        <a
          class="button plain"
          href={`/api/heartbeat-runs/${id}/log?limitBytes=1048576`}
          target="_blank"
          rel="noreferrer"
        >
          Raw
        </a>
      </header>
      {skipped > 0 && (
        <p class="notice">
          The first {bytes(skipped)} are not shown.{" "}
          <button type="button" class="link" onClick={() => setFromStart(true)}>
            Show all of it
          </button>
        </p>
      )}
      <pre
        ref={pane}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable with the keyboard.
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="Output of the run"
        onScroll={onScroll}
        data-empty={isEmpty ? (state === "ended" ? "The run printed nothing." : "Nothing printed yet.") : undefined}
      />
    </section>
  );
}

interface Writer {
  add(line: LogLine): void;
  stop(): void;
}

/** Adds lines once a frame and keeps their number bounded. */
function createWriter(pane: HTMLElement, follows: () => boolean): Writer {
  let waiting: LogLine[] = [];
  let frame: ReturnType<typeof setTimeout> | null = null;
  const write = (): void => {
    frame = null;
    const added = document.createDocumentFragment();
    for (const line of waiting.slice(-MAX_CHUNKS)) added.append(chunkElement(line));
    waiting = [];
    pane.append(added);
    while (pane.childElementCount > MAX_CHUNKS) pane.firstElementChild?.remove();
    if (follows()) pane.scrollTop = pane.scrollHeight;
  };
  return {
    add(line) {
      waiting.push(line);
      // Not an animation frame: a page in the background goes on filling.
      frame ??= setTimeout(write, 30);
    },
    stop() {
      if (frame !== null) clearTimeout(frame);
    },
  };
}

function chunkElement(line: LogLine): HTMLElement {
  const element = document.createElement("span");
  const isService = line.chunk.startsWith(SERVICE_PREFIX);
  element.className = isService ? "service" : line.stream;
  element.title = new Date(line.ts).toLocaleTimeString();
  element.textContent = plainText(line.chunk);
  return element;
}
