/** A status as a word with a colour; the word alone says all of it. */
import type { JSX } from "preact";
import { words } from "../text/format.js";

type Tone = "good" | "bad" | "busy" | "wait" | "calm";

const TONES: Readonly<Record<string, Tone>> = {
  succeeded: "good",
  completed: "good",
  active: "good",
  accepted: "good",
  answered: "good",
  failed: "bad",
  timed_out: "bad",
  error: "bad",
  blocked: "bad",
  running: "busy",
  claimed: "busy",
  in_progress: "busy",
  queued: "wait",
  scheduled_retry: "wait",
  deferred_issue_execution: "wait",
  pending: "wait",
  pending_approval: "wait",
  in_review: "wait",
  draining: "wait",
};

export function Badge({ status }: { status: string }): JSX.Element {
  return (
    <span class="badge" data-tone={TONES[status] ?? "calm"}>
      {words(status)}
    </span>
  );
}
