/**
 * Puts a run's prompt together from sections (AD-60). Which sections there are and in which order is the adapter's; what
 * each of them holds is decided here.
 *
 * What must stay true: a resumed session with something new gets the short prompt, since it has the rest already.
 */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { AdapterExecutionContext } from "../contract.js";
import { normalizeWakePayload } from "../environment/wake-payload.js";
import { DEFAULT_PROMPT_TEMPLATE } from "./execution-contract.js";
import type { AgentInstructions } from "./instructions.js";
import { renderTemplate, templateData } from "./prompt-template.js";
import { renderWakeSection } from "./wake-section.js";

/** Every section an adapter may use; blank ones are left out when they are joined. */
export interface PromptSections {
  /** Only for a fresh session. */
  readonly bootstrap: string;
  readonly wake: string;
  readonly handoff: string;
  readonly task: string;
  /** Blank when a resumed session has a wake section (AD-60). */
  readonly heartbeat: string;
  /** A session is resumed and the wake section says what is new. */
  readonly isDelta: boolean;
}

export function promptSections(input: {
  readonly execution: Pick<AdapterExecutionContext, "runId" | "agent" | "config" | "context">;
  readonly resumed: boolean;
  /** Default the execution contract (AD-62). */
  readonly defaultTemplate?: string;
}): PromptSections {
  const { execution, resumed } = input;
  const { config, context } = execution;
  const data = templateData(execution);
  const render = (template: unknown): string => renderTemplate(nonEmptyString(template) ?? "", data);
  const wake = renderWakeSection({ payload: normalizeWakePayload(context["wakefleetWake"]), resumed });
  const isDelta = resumed && wake !== "";
  const heartbeat = nonEmptyString(config["promptTemplate"]) ?? input.defaultTemplate ?? DEFAULT_PROMPT_TEMPLATE;
  return {
    bootstrap: resumed ? "" : render(config["bootstrapPromptTemplate"]),
    wake,
    handoff: textOf(context, "wakefleetSessionHandoffMarkdown"),
    task: textOf(context, "wakefleetTaskMarkdown"),
    heartbeat: isDelta ? "" : render(heartbeat),
    isDelta,
  };
}

/** A prompt and the size of each of its parts in characters, for `onMeta`. */
export interface JoinedPrompt {
  readonly prompt: string;
  readonly promptMetrics: Readonly<Record<string, number>>;
}

/** Joins named sections, in order, with one empty line between; blank ones are dropped (AD-60). */
export function joinSections(sections: Readonly<Record<string, string>>): JoinedPrompt {
  const used = Object.entries(sections)
    .map(([name, text]): [string, string] => [name, text.trim()])
    .filter(([, text]) => text !== "");
  const prompt = used.map(([, text]) => text).join("\n\n");
  return {
    prompt,
    promptMetrics: {
      promptChars: prompt.length,
      ...Object.fromEntries(used.map(([name, text]) => [`${name}Chars`, text.length])),
    },
  };
}

/** The prompt of CLIs that get their instructions before everything else and notes before the heartbeat (AD-60). */
export function instructedPrompt(input: {
  readonly execution: Pick<AdapterExecutionContext, "runId" | "agent" | "config" | "context">;
  readonly resumed: boolean;
  /** Null for none. */
  readonly instructions: AgentInstructions | null;
  /** Sections of the CLI's own, in order. */
  readonly notes?: Readonly<Record<string, string>>;
}): JoinedPrompt {
  const sections = promptSections(input);
  return joinSections({
    instructions: input.instructions?.text ?? "",
    bootstrap: sections.bootstrap,
    wake: sections.wake,
    sessionHandoff: sections.handoff,
    ...input.notes,
    heartbeat: sections.heartbeat,
  });
}

/** Names, never values, of the injected variables (AD-63); blank without any. */
export function environmentNote(injected: Readonly<Record<string, string>>): string {
  const names = Object.keys(injected)
    .filter((name) => /^(?:WAKEFLEET|PAPERCLIP)_/.test(name))
    .sort();
  if (names.length === 0) return "";
  return (
    `Environment of this run: the variables ${names.join(", ")} are set. Read them with the shell when you need them; ` +
    "do not assume that one is missing before you looked."
  );
}

/** How the API is called, when address and key are there (AD-63); blank otherwise. */
export function apiNote(injected: Readonly<Record<string, string>>): string {
  const has = (name: string): boolean => nonEmptyString(injected[name]) !== null;
  if (!has("WAKEFLEET_API_URL") || !has("WAKEFLEET_API_KEY")) return "";
  return [
    "Wakefleet API: call it with curl in a shell command. Examples:",
    "",
    '  curl -s -H "Authorization: Bearer $WAKEFLEET_API_KEY" "$WAKEFLEET_API_URL/api/agents/me"',
    "",
    '  curl -s -X POST -H "Authorization: Bearer $WAKEFLEET_API_KEY" -H "X-Wakefleet-Run-Id: $WAKEFLEET_RUN_ID" \\',
    "    -H 'Content-Type: application/json' -d '{\"body\": \"Progress…\"}' \\",
    '    "$WAKEFLEET_API_URL/api/issues/$WAKEFLEET_TASK_ID/comments"',
    "",
    "Every request that changes something needs the header X-Wakefleet-Run-Id (X-Paperclip-Run-Id is the same).",
  ].join("\n");
}

function textOf(context: JsonObject, key: string): string {
  return nonEmptyString(context[key]) ?? "";
}
