/**
 * What agents and people laid before people about an issue (API-180 to API-182), those that wait for an answer first. Two
 * may look at the same one: whoever answers second is told so by the API, and sees what the first one said.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { post } from "../api/http.js";
import type { Interaction, InteractionOf } from "../api/shapes.js";
import { words } from "../text/format.js";
import { Badge } from "./badge.js";
import { useAction } from "./feedback.js";
import { When } from "./time.js";

/** Sends an answer; the verb's route and its body. */
type Answer = (verb: "accept" | "reject" | "respond", body?: object) => void;

export function Interactions(props: { interactions: readonly Interaction[]; onDone: () => void }): JSX.Element {
  const { interactions, onDone } = props;
  const isPending = ({ status }: Interaction): boolean => status === "pending";
  // Open questions first; of the others the latest.
  const shown = [...interactions.filter(isPending), ...interactions.filter((one) => !isPending(one)).reverse()];
  return (
    <ul class="plain-list asked">
      {shown.map((interaction) => (
        <li key={interaction.id}>
          <One interaction={interaction} onDone={onDone} />
        </li>
      ))}
    </ul>
  );
}

/** What an interaction is called where it has no title of its own. */
function titleOf(interaction: Interaction): string {
  if (interaction.title !== null && interaction.title !== "") return interaction.title;
  switch (interaction.kind) {
    case "request_confirmation":
      return interaction.payload.prompt;
    case "ask_user_questions":
      return interaction.payload.title ?? interaction.payload.questions[0]?.prompt ?? "Questions";
    case "suggest_tasks":
      return interaction.payload.tasks.map(({ title }) => title).join(", ");
  }
}

function One({ interaction, onDone }: { interaction: Interaction; onDone: () => void }): JSX.Element {
  const { busy, run } = useAction();
  const answer: Answer = (verb, body = {}) =>
    run(async () => {
      const path = `/api/issues/${interaction.issueId}/interactions/${interaction.id}/${verb}`;
      try {
        const { status } = (await post<Interaction>(path, body)).body;
        return status === "expired"
          ? "What was asked about has changed: nothing was answered."
          : `It is ${words(status)}.`;
      } finally {
        onDone();
      }
    });
  return (
    <article aria-label={titleOf(interaction)}>
      <header class="row">
        <strong>{titleOf(interaction)}</strong>
        <span class="quiet">{words(interaction.kind)}</span>
        <Badge status={interaction.status} />
        <When at={interaction.createdAt} />
      </header>
      {interaction.summary !== null && <p class="text">{interaction.summary}</p>}
      {interaction.status === "pending" ? (
        <Form interaction={interaction} answer={answer} busy={busy} />
      ) : (
        <Outcome interaction={interaction} />
      )}
    </article>
  );
}

function Form(props: { interaction: Interaction; answer: Answer; busy: boolean }): JSX.Element {
  const { interaction, answer, busy } = props;
  switch (interaction.kind) {
    case "request_confirmation":
      return (
        <>
          {interaction.payload.prompt !== titleOf(interaction) && <p class="text">{interaction.payload.prompt}</p>}
          <Confirmation payload={interaction.payload} answer={answer} busy={busy} />
        </>
      );
    case "ask_user_questions":
      return <Questions id={interaction.id} payload={interaction.payload} answer={answer} busy={busy} />;
    case "suggest_tasks":
      return <Tasks payload={interaction.payload} answer={answer} busy={busy} />;
  }
}

interface FormOf<Kind extends Interaction["kind"]> {
  readonly payload: InteractionOf<Kind>["payload"];
  readonly answer: Answer;
  readonly busy: boolean;
}

function Confirmation({ payload, answer, busy }: FormOf<"request_confirmation">): JSX.Element {
  const [reason, setReason] = useState("");
  const { rejectRequiresReason, detailsMarkdown, target } = payload;
  const takesReason = rejectRequiresReason === true || payload.allowDeclineReason;
  return (
    <>
      {detailsMarkdown != null && <p class="text quiet">{detailsMarkdown}</p>}
      {target != null && <p class="quiet">About: {target.label ?? target.key}</p>}
      {takesReason && (
        <label class="row">
          <span class="quiet">{payload.rejectReasonLabel ?? "Reason to decline"}</span>
          <input
            class="grow"
            value={reason}
            placeholder={payload.declineReasonPlaceholder ?? ""}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
      )}
      <p class="actions">
        <button type="button" disabled={busy} onClick={() => answer("accept")}>
          {payload.acceptLabel ?? "Accept"}
        </button>
        <button
          type="button"
          class="plain"
          disabled={busy || (rejectRequiresReason === true && reason.trim() === "")}
          onClick={() => answer("reject", takesReason ? { reason } : {})}
        >
          {payload.rejectLabel ?? "Decline"}
        </button>
      </p>
    </>
  );
}

function Tasks({ payload, answer, busy }: FormOf<"suggest_tasks">): JSX.Element {
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const chosen = payload.tasks.map(({ clientKey }) => clientKey).filter((key) => !left.has(key));
  const toggle = (key: string): void =>
    setLeft((before) => new Set(before.has(key) ? [...before].filter((one) => one !== key) : [...before, key]));
  return (
    <>
      <ul class="plain-list">
        {payload.tasks.map(({ clientKey, title, description }) => (
          <li key={clientKey}>
            <label class="choice">
              <input type="checkbox" checked={!left.has(clientKey)} onChange={() => toggle(clientKey)} />
              <span>
                {title}
                {description != null && <span class="quiet"> {description}</span>}
              </span>
            </label>
          </li>
        ))}
      </ul>
      <p class="actions">
        <button
          type="button"
          disabled={busy || chosen.length === 0}
          onClick={() => answer("accept", { selectedClientKeys: chosen })}
        >
          Accept {chosen.length} of {payload.tasks.length}
        </button>
        <button type="button" class="plain" disabled={busy} onClick={() => answer("reject")}>
          Decline
        </button>
      </p>
    </>
  );
}

function Questions({ id, payload, answer, busy }: FormOf<"ask_user_questions"> & { readonly id: string }): JSX.Element {
  const [chosen, setChosen] = useState<ReadonlyMap<string, readonly string[]>>(new Map());
  const choose = (question: (typeof payload.questions)[number], optionId: string): void =>
    setChosen((before) => {
      const had = before.get(question.id) ?? [];
      const others = question.selectionMode === "single" ? [] : had.filter((one) => one !== optionId);
      return new Map(before).set(question.id, had.includes(optionId) ? others : [...others, optionId]);
    });
  const isOpen = payload.questions.some(
    (question) => question.required === true && (chosen.get(question.id) ?? []).length === 0,
  );
  const send = (): void =>
    answer("respond", { answers: [...chosen].map(([questionId, optionIds]) => ({ questionId, optionIds })) });
  return (
    <>
      {payload.questions.map((question) => (
        <fieldset key={question.id}>
          <legend>{question.prompt}</legend>
          {question.helpText != null && <p class="quiet">{question.helpText}</p>}
          {question.options.map((option) => (
            <label key={option.id} class="choice">
              <input
                type={question.selectionMode === "single" ? "radio" : "checkbox"}
                name={`${id} ${question.id}`}
                checked={chosen.get(question.id)?.includes(option.id) === true}
                onChange={() => choose(question, option.id)}
              />
              <span>
                {option.label}
                {option.description != null && <span class="quiet"> {option.description}</span>}
              </span>
            </label>
          ))}
        </fieldset>
      ))}
      <p class="actions">
        <button type="button" disabled={busy || isOpen} onClick={send}>
          {payload.submitLabel ?? "Answer"}
        </button>
      </p>
    </>
  );
}

/** What was said, in the words of those who were asked. */
function Outcome({ interaction }: { interaction: Interaction }): JSX.Element {
  const { resolvedByUserId: by, resolvedAt, result } = interaction;
  const said = [
    result?.["reason"],
    result?.["rejectionReason"],
    result?.["summaryMarkdown"],
    chosenOptions(interaction),
  ];
  const text = said.find((one) => typeof one === "string" && one !== "");
  return (
    <p class="quiet">
      {words(interaction.status)} by {by ?? "the service"} {resolvedAt !== null && <When at={resolvedAt} />}
      {typeof text === "string" && <span class="text">: {text}</span>}
    </p>
  );
}

function chosenOptions(interaction: Interaction): string {
  const answers = interaction.result?.["answers"];
  if (interaction.kind !== "ask_user_questions" || !Array.isArray(answers)) return "";
  const chosen = new Set(answers.flatMap((one: { optionIds?: readonly string[] }) => one.optionIds ?? []));
  const options = interaction.payload.questions.flatMap((question) => question.options);
  return options
    .filter(({ id }) => chosen.has(id))
    .map(({ label }) => label)
    .join(", ");
}
