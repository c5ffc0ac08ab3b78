/** Whether questions were answered as they allow (API-182). Pure. */
import type { AskUserQuestionsPayload, InteractionRespond } from "@wakefleet/contracts";

type Question = AskUserQuestionsPayload["questions"][number];
type Answer = InteractionRespond["answers"][number];

export type AnswersVerdict =
  | { readonly kind: "answered"; readonly answers: readonly Answer[] }
  | { readonly kind: "refuse"; readonly text: string };

/** The answers in the order of their questions, each option once; or what is wrong with them. */
export function judgeAnswers(questions: readonly Question[], given: readonly Answer[]): AnswersVerdict {
  const answers = new Map<string, Answer>();
  for (const { questionId, optionIds } of given) {
    const question = questions.find(({ id }) => id === questionId);
    if (question === undefined) return { kind: "refuse", text: `Unknown questionId: ${questionId}` };
    if (answers.has(questionId)) return { kind: "refuse", text: `Duplicate answer for questionId: ${questionId}` };
    const chosen = [...new Set(optionIds)];
    const problem = problemOf(question, chosen);
    if (problem !== null) return { kind: "refuse", text: problem };
    answers.set(questionId, { questionId, optionIds: chosen });
  }
  const open = questions.find(({ id, required }) => required === true && !answers.get(id)?.optionIds.length);
  if (open !== undefined) return { kind: "refuse", text: `Question ${open.id} requires an answer` };
  return { kind: "answered", answers: questions.flatMap(({ id }) => answers.get(id) ?? []) };
}

function problemOf(question: Question, chosen: readonly string[]): string | null {
  const unknown = chosen.find((optionId) => !question.options.some(({ id }) => id === optionId));
  if (unknown !== undefined) return `Unknown optionId for question ${question.id}: ${unknown}`;
  if (question.selectionMode === "single" && chosen.length > 1) return `Question ${question.id} only allows one answer`;
  return null;
}
