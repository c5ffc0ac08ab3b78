/** Whether a document of an issue may be written as it was sent (API-164, API-165). */

/** DM-66: 1..64 of `a-z 0-9 _ -`, the first a letter or digit. */
const KEY = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** The document that says what an issue's work is planned to be. */
export const PLAN_DOCUMENT_KEY = "plan";

/** A key as it is stored; null when it cannot be one. Case and outer white space do not count. */
export function documentKeyOf(text: string): string | null {
  const key = text.trim().toLowerCase();
  return KEY.test(key) ? key : null;
}

export type DocumentWrite =
  | { readonly kind: "create" }
  | { readonly kind: "revise" }
  | {
      readonly kind: "conflict";
      readonly text: string;
      readonly details?: { readonly currentRevisionId: string | null };
    };

/** Who writes must have read what is there: a write names the revision it rests on, or that there is none. */
export function judgeDocumentWrite(write: {
  /** The latest revision; undefined without a document. */
  readonly current: { readonly latestRevisionId: string | null } | null;
  readonly baseRevisionId: string | null;
}): DocumentWrite {
  const { current, baseRevisionId } = write;
  if (current === null) {
    return baseRevisionId === null ? { kind: "create" } : { kind: "conflict", text: "Document does not exist yet" };
  }
  const details = { currentRevisionId: current.latestRevisionId };
  if (baseRevisionId === null) return { kind: "conflict", text: "Document update requires baseRevisionId", details };
  if (baseRevisionId.toLowerCase() !== current.latestRevisionId) {
    return { kind: "conflict", text: "Document was updated by someone else", details };
  }
  return { kind: "revise" };
}
