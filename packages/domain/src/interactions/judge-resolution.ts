/** What becomes of an interaction when people accept, reject or answer it (API-182). Pure: the stored row and the facts in, a verdict out. */
import type {
  ConfirmationTarget,
  InteractionAccept,
  InteractionContent,
  InteractionKind,
  InteractionReject,
  InteractionRespond,
  InteractionStatus,
  JsonObject,
  SuggestedTask,
} from "@wakefleet/contracts";
import { judgeAnswers } from "./judge-answers.js";
import { selectTasks } from "./suggested-tasks.js";

export type InteractionResolution =
  | { readonly verb: "accept"; readonly body: InteractionAccept }
  | { readonly verb: "reject"; readonly body: InteractionReject }
  | { readonly verb: "respond"; readonly body: InteractionRespond };

export interface InteractionFacts {
  readonly kind: InteractionKind;
  readonly status: InteractionStatus;
  /** Null: what is stored has another shape. */
  readonly content: InteractionContent | null;
  /** The target is a revision that is not the latest one any more (or never was of this issue). */
  readonly isTargetStale: boolean;
}

export type InteractionVerdict =
  | { readonly kind: "refuse"; readonly code: "conflict" | "unprocessable"; readonly text: string }
  | {
      readonly kind: "resolve";
      readonly status: Exclude<InteractionStatus, "pending">;
      readonly result: JsonObject;
    }
  /** Issues are to be made first; their list becomes the result (`createdTasks`). */
  | {
      readonly kind: "create_tasks";
      readonly tasks: readonly SuggestedTask[];
      readonly skippedClientKeys: readonly string[];
    };

/** The verb that a kind does not know is told by this word. */
const DONE = { accept: "accepted", reject: "rejected", respond: "answered" } as const;

const unprocessable = (text: string): InteractionVerdict => ({ kind: "refuse", code: "unprocessable", text });

/** Judges a resolution: one that is resolved stays so, whoever comes second. */
export function judgeResolution(facts: InteractionFacts, resolution: InteractionResolution): InteractionVerdict {
  const { content } = facts;
  if (facts.status !== "pending") {
    return { kind: "refuse", code: "conflict", text: "Interaction has already been resolved" };
  }
  if (content === null) return unprocessable("The interaction's payload cannot be read; ask anew");
  switch (content.kind) {
    case "suggest_tasks":
      return judgeTasks(content.payload.tasks, resolution);
    case "request_confirmation":
      return judgeConfirmation(content.payload, facts.isTargetStale, resolution);
    case "ask_user_questions":
      return judgeQuestions(content.payload.questions, resolution);
  }
}

function cannot(kind: InteractionKind, { verb }: InteractionResolution): InteractionVerdict {
  return unprocessable(`Interactions of kind ${kind} cannot be ${DONE[verb]}`);
}

function judgeTasks(tasks: readonly SuggestedTask[], resolution: InteractionResolution): InteractionVerdict {
  if (resolution.verb === "respond") return cannot("suggest_tasks", resolution);
  if (resolution.verb === "reject") {
    return {
      kind: "resolve",
      status: "rejected",
      result: { version: 1, rejectionReason: reasonOf(resolution.body) },
    };
  }
  const selection = selectTasks(tasks, resolution.body.selectedClientKeys);
  if (selection.kind === "refuse") return unprocessable(selection.text);
  return { ...selection, kind: "create_tasks" };
}

function judgeConfirmation(
  payload: {
    readonly rejectRequiresReason?: boolean | undefined;
    readonly target?: ConfirmationTarget | null | undefined;
  },
  isTargetStale: boolean,
  resolution: InteractionResolution,
): InteractionVerdict {
  if (resolution.verb === "respond") return cannot("request_confirmation", resolution);
  // What people looked at is not what is there now: their answer to it counts as none.
  if (isTargetStale) return { kind: "resolve", status: "expired", result: staleTargetResult(payload.target ?? null) };
  if (resolution.verb === "accept") {
    return { kind: "resolve", status: "accepted", result: { version: 1, outcome: "accepted" } };
  }
  const reason = reasonOf(resolution.body);
  if (reason === null && payload.rejectRequiresReason === true) {
    return unprocessable("A decline reason is required for this confirmation");
  }
  return { kind: "resolve", status: "rejected", result: { version: 1, outcome: "rejected", reason } };
}

function judgeQuestions(
  questions: Parameters<typeof judgeAnswers>[0],
  resolution: InteractionResolution,
): InteractionVerdict {
  if (resolution.verb !== "respond") return cannot("ask_user_questions", resolution);
  const verdict = judgeAnswers(questions, resolution.body.answers);
  if (verdict.kind === "refuse") return unprocessable(verdict.text);
  const answers = verdict.answers.map(({ questionId, optionIds }) => ({ questionId, optionIds: [...optionIds] }));
  const summaryMarkdown = resolution.body.summaryMarkdown ?? null;
  return { kind: "resolve", status: "answered", result: { version: 1, answers, summaryMarkdown } };
}

function reasonOf({ reason }: InteractionReject): string | null {
  return reason == null || reason === "" ? null : reason;
}

/** What is kept of a confirmation whose target was changed: what it was about. */
export function staleTargetResult(target: ConfirmationTarget | null): JsonObject {
  // It came out of JSON: no member is undefined.
  return { version: 1, outcome: "stale_target", staleTarget: target as JsonObject | null };
}

/** A person's comment takes the place of an answer to those confirmations that say so. */
export function isSupersededByComment(content: InteractionContent | null): boolean {
  return content?.kind === "request_confirmation" && content.payload.supersedeOnUserComment === true;
}
