/** What becomes of an interaction: every kind under every verb, and what each refuses (API-182). */
import type { InteractionContent, InteractionStatus } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import {
  type InteractionFacts,
  type InteractionResolution,
  isSupersededByComment,
  judgeResolution,
} from "./judge-resolution.js";

const tasks: InteractionContent = {
  kind: "suggest_tasks",
  payload: {
    version: 1,
    tasks: [
      { clientKey: "a", title: "A" },
      { clientKey: "b", title: "B" },
    ],
  },
};
const questions: InteractionContent = {
  kind: "ask_user_questions",
  payload: {
    version: 1,
    questions: [
      {
        id: "color",
        prompt: "Which?",
        selectionMode: "single",
        required: true,
        options: [
          { id: "red", label: "Red" },
          { id: "blue", label: "Blue" },
        ],
      },
      {
        id: "days",
        prompt: "When?",
        selectionMode: "multi",
        options: [
          { id: "mon", label: "Monday" },
          { id: "tue", label: "Tuesday" },
        ],
      },
    ],
  },
};
const confirmation = (over: object = {}): InteractionContent => ({
  kind: "request_confirmation",
  payload: { version: 1, prompt: "Sure?", allowDeclineReason: true, ...over },
});
const pending = (content: InteractionContent, over: Partial<InteractionFacts> = {}): InteractionFacts => ({
  kind: content.kind,
  status: "pending",
  content,
  isTargetStale: false,
  ...over,
});
const accept = (selectedClientKeys?: string[]): InteractionResolution => ({
  verb: "accept",
  body: selectedClientKeys === undefined ? {} : { selectedClientKeys },
});
const reject = (reason?: string): InteractionResolution => ({ verb: "reject", body: { reason } });
const respond = (...answers: { questionId: string; optionIds: string[] }[]): InteractionResolution => ({
  verb: "respond",
  body: { answers, summaryMarkdown: "so be it" },
});
const answer = (questionId: string, ...optionIds: string[]) => ({ questionId, optionIds });
const refused = (text: string, code = "unprocessable"): object => ({ kind: "refuse", code, text });

describe("API-182 the verdict", () => {
  it.each([
    {
      says: "accepting tasks makes the selected ones",
      facts: pending(tasks),
      by: accept(["b"]),
      verdict: { kind: "create_tasks", tasks: [{ clientKey: "b", title: "B" }], skippedClientKeys: ["a"] },
    },
    {
      says: "rejecting tasks keeps the reason",
      facts: pending(tasks),
      by: reject("too many"),
      verdict: { kind: "resolve", status: "rejected", result: { version: 1, rejectionReason: "too many" } },
    },
    {
      says: "a confirmation is accepted",
      facts: pending(confirmation()),
      by: accept(),
      verdict: { kind: "resolve", status: "accepted", result: { version: 1, outcome: "accepted" } },
    },
    {
      says: "a confirmation is rejected without a reason",
      facts: pending(confirmation()),
      by: reject(),
      verdict: { kind: "resolve", status: "rejected", result: { version: 1, outcome: "rejected", reason: null } },
    },
    {
      says: "a confirmation that wants a reason is rejected with one",
      facts: pending(confirmation({ rejectRequiresReason: true })),
      by: reject("no"),
      verdict: { kind: "resolve", status: "rejected", result: { version: 1, outcome: "rejected", reason: "no" } },
    },
    {
      says: "a confirmation of what changed meanwhile expires, accepted or rejected",
      facts: pending(confirmation({ target: { type: "custom", key: "k" } }), { isTargetStale: true }),
      by: accept(),
      verdict: {
        kind: "resolve",
        status: "expired",
        result: { version: 1, outcome: "stale_target", staleTarget: { type: "custom", key: "k" } },
      },
    },
    {
      says: "answers come in the order of their questions, each option once",
      facts: pending(questions),
      by: respond(answer("days", "tue", "mon", "tue"), answer("color", "red")),
      verdict: {
        kind: "resolve",
        status: "answered",
        result: {
          version: 1,
          answers: [answer("color", "red"), answer("days", "tue", "mon")],
          summaryMarkdown: "so be it",
        },
      },
    },
  ])("API-182 $says", ({ facts, by, verdict }) => {
    expect(judgeResolution(facts, by)).toEqual(verdict);
  });

  it.each([
    [pending(tasks), respond(), "Interactions of kind suggest_tasks cannot be answered"],
    [pending(tasks), accept(["x"]), "Unknown suggested task clientKey: x"],
    [pending(confirmation()), respond(), "Interactions of kind request_confirmation cannot be answered"],
    [
      pending(confirmation({ rejectRequiresReason: true })),
      reject(""),
      "A decline reason is required for this confirmation",
    ],
    [pending(questions), accept(), "Interactions of kind ask_user_questions cannot be accepted"],
    [pending(questions), reject(), "Interactions of kind ask_user_questions cannot be rejected"],
    [pending(questions), respond(answer("size", "l")), "Unknown questionId: size"],
    [
      pending(questions),
      respond(answer("color", "red"), answer("color", "blue")),
      "Duplicate answer for questionId: color",
    ],
    [pending(questions), respond(answer("color", "green")), "Unknown optionId for question color: green"],
    [pending(questions), respond(answer("color", "red", "blue")), "Question color only allows one answer"],
    [pending(questions), respond(answer("days", "mon")), "Question color requires an answer"],
    [pending(questions), respond(answer("color")), "Question color requires an answer"],
    [pending(tasks, { content: null }), accept(), "The interaction's payload cannot be read; ask anew"],
  ] as const)("API-182 refuses: %#", (facts, by, text) => {
    expect(judgeResolution(facts, by)).toEqual(refused(text));
  });

  it.each(["accepted", "rejected", "answered", "expired", "failed"] as const satisfies InteractionStatus[])(
    "API-182 one that is %s stays so, whatever is asked",
    (status) => {
      for (const content of [tasks, questions, confirmation()]) {
        for (const by of [accept(), reject(), respond()]) {
          expect(judgeResolution(pending(content, { status }), by)).toEqual(
            refused("Interaction has already been resolved", "conflict"),
          );
        }
      }
    },
  );
});

it("API-181 a person's comment takes the place of an answer only where the confirmation says so", () => {
  expect(isSupersededByComment(confirmation({ supersedeOnUserComment: true }))).toBe(true);
  for (const other of [confirmation(), confirmation({ supersedeOnUserComment: false }), tasks, questions, null]) {
    expect(isSupersededByComment(other)).toBe(false);
  }
});
