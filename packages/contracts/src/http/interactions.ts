/**
 * Bodies and answers of the interactions of issues (API-180 to API-182): what an agent or a person lays before people, and
 * what they answer. Payload and result carry `version: 1`; what is stored is what these schemas let through.
 */
import { z } from "zod";
import { INTERACTION_CONTINUATIONS, INTERACTION_KINDS, INTERACTION_STATUSES, ISSUE_PRIORITIES } from "../enums.js";
import { answeredInstant, guidField, multiLineField, unescapeLineBreaks } from "./fields.js";

const KEY_CHARS = 120;
const MARKDOWN_CHARS = 20_000;
const REASON_CHARS = 4_000;
const TASKS_MAX = 50;
const ANSWERS_MAX = 20;

const words = (max: number): z.ZodString => z.string().trim().min(1).max(max);
const maybeWords = (max: number): z.ZodOptional<z.ZodNullable<z.ZodString>> => words(max).nullable().optional();
const markdown = z.string().max(MARKDOWN_CHARS).overwrite(unescapeLineBreaks).nullable().optional();
const maybeGuid = guidField.nullable().optional();
/** What something inside a payload is called by its author; compared letter by letter. */
const key = words(KEY_CHARS);

/** Adds a complaint at each member whose name another one before it has. */
function refuseDoubles(
  context: z.RefinementCtx,
  members: { readonly names: readonly string[]; readonly message: string; pathOf(index: number): PropertyKey[] },
): void {
  const seen = new Set<string>();
  for (const [index, name] of members.names.entries()) {
    if (seen.has(name)) context.addIssue({ code: "custom", message: members.message, path: members.pathOf(index) });
    seen.add(name);
  }
}

const suggestedTask = z
  .object({
    clientKey: key,
    parentClientKey: key.nullable().optional(),
    parentId: maybeGuid,
    title: words(240),
    description: markdown,
    priority: z.enum(ISSUE_PRIORITIES).nullable().optional(),
    assigneeAgentId: maybeGuid,
    assigneeUserId: z.string().trim().min(1).nullable().optional(),
    projectId: maybeGuid,
    goalId: maybeGuid,
    billingCode: z.string().trim().max(KEY_CHARS).nullable().optional(),
    labels: z.array(words(48)).max(20).optional(),
    hiddenInPreview: z.boolean().optional(),
  })
  .superRefine((task, context) => {
    if (task.assigneeAgentId == null || task.assigneeUserId == null) return;
    context.addIssue({
      code: "custom",
      message: "Suggested tasks can only target one assignee",
      path: ["assigneeAgentId"],
    });
  });

const suggestTasksPayload = z
  .object({
    version: z.literal(1),
    defaultParentId: maybeGuid,
    tasks: z.array(suggestedTask).min(1).max(TASKS_MAX),
  })
  .superRefine(({ tasks }, context) =>
    refuseDoubles(context, {
      names: tasks.map((task) => task.clientKey),
      message: "clientKey must be unique within one interaction",
      pathOf: (index) => ["tasks", index, "clientKey"],
    }),
  );
export type SuggestTasksPayload = z.infer<typeof suggestTasksPayload>;
export type SuggestedTask = SuggestTasksPayload["tasks"][number];

const question = z.object({
  id: key,
  prompt: words(500),
  helpText: maybeWords(1_000),
  selectionMode: z.enum(["single", "multi"]),
  required: z.boolean().optional(),
  options: z
    .array(z.object({ id: key, label: words(KEY_CHARS), description: maybeWords(500) }))
    .min(1)
    .max(10),
});

const askUserQuestionsPayload = z
  .object({
    version: z.literal(1),
    title: maybeWords(240),
    submitLabel: maybeWords(KEY_CHARS),
    questions: z.array(question).min(1).max(10),
  })
  .superRefine(({ questions }, context) => {
    refuseDoubles(context, {
      names: questions.map(({ id }) => id),
      message: "Question ids must be unique within one interaction",
      pathOf: (index) => ["questions", index, "id"],
    });
    for (const [place, { options }] of questions.entries()) {
      refuseDoubles(context, {
        names: options.map(({ id }) => id),
        message: "Option ids must be unique within one question",
        pathOf: (index) => ["questions", place, "options", index, "id"],
      });
    }
  });
export type AskUserQuestionsPayload = z.infer<typeof askUserQuestionsPayload>;

const HERE = "http://here.invalid";
/** A link that a console may show: on the web, to a mailbox, or within this service. */
function isSafeLink(href: string): boolean {
  if (!URL.canParse(href, HERE)) return false;
  const { protocol, host } = new URL(href, HERE);
  if (protocol === "mailto:" || /^https?:\/\//i.test(href)) return true;
  return protocol === "http:" && host === new URL(HERE).host;
}

const aboutTarget = {
  label: maybeWords(KEY_CHARS),
  href: words(2_000)
    .refine(isSafeLink, "href must be an http, https or mailto link, or a path of this service")
    .nullable()
    .optional(),
  revisionNumber: z.int().positive().nullable().optional(),
};

/** What a confirmation is about: a revision of a document of an issue, or something only its author knows. */
const confirmationTarget = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("issue_document"),
    issueId: maybeGuid,
    documentId: maybeGuid,
    key: words(64),
    revisionId: guidField,
    ...aboutTarget,
  }),
  z.object({ type: z.literal("custom"), key, revisionId: maybeWords(255), ...aboutTarget }),
]);
export type ConfirmationTarget = z.infer<typeof confirmationTarget>;

const requestConfirmationPayload = z.object({
  version: z.literal(1),
  prompt: words(1_000),
  acceptLabel: maybeWords(80),
  rejectLabel: maybeWords(80),
  rejectRequiresReason: z.boolean().optional(),
  rejectReasonLabel: maybeWords(160),
  allowDeclineReason: z.boolean().default(true),
  declineReasonPlaceholder: maybeWords(240),
  detailsMarkdown: markdown,
  supersedeOnUserComment: z.boolean().optional(),
  target: confirmationTarget.nullable().optional(),
});
export type RequestConfirmationPayload = z.infer<typeof requestConfirmationPayload>;

const common = {
  idempotencyKey: z.string().trim().min(1).max(255).nullable().default(null),
  sourceCommentId: guidField.nullable().default(null),
  sourceRunId: guidField.nullable().default(null),
  title: z.string().trim().max(240).nullable().default(null),
  summary: z.string().trim().max(1_000).nullable().default(null),
};
const continuation = z.enum(INTERACTION_CONTINUATIONS);

/** Body of `POST /api/issues/:id/interactions` (API-181). */
export const interactionCreateSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("suggest_tasks"),
    ...common,
    continuationPolicy: continuation.default("wake_assignee"),
    payload: suggestTasksPayload,
  }),
  z.object({
    kind: z.literal("ask_user_questions"),
    ...common,
    continuationPolicy: continuation.default("wake_assignee"),
    payload: askUserQuestionsPayload,
  }),
  z.object({
    kind: z.literal("request_confirmation"),
    ...common,
    continuationPolicy: continuation.default("none"),
    payload: requestConfirmationPayload,
  }),
]);
export type InteractionCreate = z.infer<typeof interactionCreateSchema>;

const storedPayload = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("suggest_tasks"), payload: suggestTasksPayload }),
  z.object({ kind: z.literal("ask_user_questions"), payload: askUserQuestionsPayload }),
  z.object({ kind: z.literal("request_confirmation"), payload: requestConfirmationPayload }),
]);
/** An interaction's kind with the payload of that kind. */
export type InteractionContent = z.infer<typeof storedPayload>;

/** What a stored interaction asks; null where its payload has another shape. */
export function readInteractionContent(stored: {
  readonly kind: string;
  readonly payload: unknown;
}): InteractionContent | null {
  return storedPayload.safeParse(stored).data ?? null;
}

/** Body of `POST …/accept` (API-182): absent keys accept every suggested task. */
export const interactionAcceptSchema = z
  .object({ selectedClientKeys: z.array(key).min(1).max(TASKS_MAX).optional() })
  .superRefine(({ selectedClientKeys = [] }, context) =>
    refuseDoubles(context, {
      names: selectedClientKeys,
      message: "selectedClientKeys must be unique",
      pathOf: (index) => ["selectedClientKeys", index],
    }),
  );
export type InteractionAccept = z.infer<typeof interactionAcceptSchema>;

/** Body of `POST …/reject` (API-182). */
export const interactionRejectSchema = z.object({
  reason: multiLineField.trim().max(REASON_CHARS).nullable().optional(),
});
export type InteractionReject = z.infer<typeof interactionRejectSchema>;

/** Body of `POST …/respond` (API-182). */
export const interactionRespondSchema = z.object({
  answers: z.array(z.object({ questionId: key, optionIds: z.array(key).max(ANSWERS_MAX) })).max(ANSWERS_MAX),
  summaryMarkdown: markdown,
});
export type InteractionRespond = z.infer<typeof interactionRespondSchema>;

/** DM-70. */
export const interactionSchema = z.object({
  id: guidField,
  companyId: guidField,
  issueId: guidField,
  kind: z.enum(INTERACTION_KINDS),
  status: z.enum(INTERACTION_STATUSES),
  continuationPolicy: continuation,
  idempotencyKey: z.string().nullable(),
  sourceCommentId: guidField.nullable(),
  sourceRunId: guidField.nullable(),
  title: z.string().nullable(),
  summary: z.string().nullable(),
  createdByAgentId: guidField.nullable(),
  createdByUserId: z.string().nullable(),
  resolvedByAgentId: guidField.nullable(),
  resolvedByUserId: z.string().nullable(),
  payload: z.record(z.string(), z.unknown()),
  result: z.record(z.string(), z.unknown()).nullable(),
  resolvedAt: answeredInstant.nullable(),
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
});
