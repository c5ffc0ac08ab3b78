/** Waking, pausing and resuming an agent. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { post } from "../api/http.js";
import type { Agent, WakeAnswer } from "../api/shapes.js";
import { words } from "../text/format.js";
import { Confirm } from "./dialog.js";
import { useAction } from "./feedback.js";

/** What became of a wake, in a sentence. */
function wakeSentence(name: string, answer: WakeAnswer): string {
  const { wakeup } = answer;
  if (answer.status === "skipped") return answer.message ?? `The wake of ${name} was skipped.`;
  if (wakeup.status === "coalesced") return `${name} already has this work waiting; the wake joined it.`;
  return `${name} is woken.`;
}

export function AgentActions({ agent, onDone }: { agent: Agent; onDone: () => void }): JSX.Element {
  const { busy, run } = useAction();
  const [asksPause, setAsksPause] = useState(false);
  const path = `/api/agents/${agent.id}`;

  const wake = (): void =>
    run(async () => {
      const { body } = await post<WakeAnswer>(`${path}/wakeup`, { reason: "woken_from_console" });
      onDone();
      return wakeSentence(agent.name, body);
    });
  const change = (verb: "pause" | "resume"): void =>
    run(async () => {
      const { body } = await post<Agent>(`${path}/${verb}`);
      onDone();
      return `${agent.name} is ${words(body.status)}.`;
    });

  if (agent.status === "terminated") return <span class="quiet">–</span>;
  if (agent.status === "paused") {
    return (
      <span class="actions">
        <button type="button" class="plain" disabled={busy} onClick={() => change("resume")}>
          Resume<span class="unseen"> {agent.name}</span>
        </button>
      </span>
    );
  }
  return (
    <span class="actions">
      <button type="button" disabled={busy} onClick={wake}>
        Wake<span class="unseen"> {agent.name}</span>
      </button>
      <button type="button" class="plain" disabled={busy} onClick={() => setAsksPause(true)}>
        Pause<span class="unseen"> {agent.name}</span>
      </button>
      {asksPause && (
        <Confirm
          title={`Pause ${agent.name}?`}
          text="Its waiting and running runs are cancelled, and it takes no wakes until it is resumed."
          action="Pause"
          onConfirm={() => change("pause")}
          onClose={() => setAsksPause(false)}
        />
      )}
    </span>
  );
}
