/**
 * The catalogue of errors an HTTP caller can meet (API-40 ff.): stable code, status, title and what to do next.
 * `WakefleetError` carries one of them; only the HTTP edge turns it into an answer.
 */

export const ERRORS = {
  invalid_json: { status: 400, title: "Invalid JSON", hint: "Send a body that is valid JSON." },
  validation_failed: { status: 400, title: "Validation failed", hint: "Mend the fields named in details." },
  bad_request: { status: 400, title: "Bad request", hint: "Mend the value the message names." },
  unauthenticated: { status: 401, title: "Unauthenticated", hint: "Send a valid key as `Authorization: Bearer KEY`." },
  forbidden: { status: 403, title: "Forbidden", hint: "Use a key that has the right the message names." },
  wrong_company: { status: 403, title: "Wrong company", hint: "Use a key of the company that owns the resource." },
  insufficient_scope: { status: 403, title: "Insufficient scope", hint: "Use an operator or admin key." },
  not_found: { status: 404, title: "Not found", hint: "Check the id." },
  conflict: { status: 409, title: "Conflict", hint: "Read the resource again; its state forbids this now." },
  stale_claim: { status: 409, title: "Stale claim", hint: "The run was taken over or ended; stop writing for it." },
  agent_not_invokable: {
    status: 409,
    title: "Agent not invokable",
    hint: "Resume or approve the agent, then wake it again.",
  },
  budget_blocked: { status: 409, title: "Budget blocked", hint: "Raise the budget or wait for the next window." },
  payload_too_large: { status: 413, title: "Payload too large", hint: "Send less than details.limitBytes." },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    hint: "Send `Content-Type: application/json`.",
  },
  unprocessable: { status: 422, title: "Unprocessable", hint: "The request is well formed but makes no sense here." },
  idempotency_key_reused: {
    status: 422,
    title: "Idempotency key reused",
    hint: "Use a new key for a different request.",
  },
  rate_limited: { status: 429, title: "Rate limited", hint: "Wait for Retry-After seconds." },
  internal: { status: 500, title: "Internal error", hint: "Look up requestId in the server's log." },
  store_unavailable: { status: 503, title: "Store unavailable", hint: "Try again after Retry-After seconds." },
  shutting_down: { status: 503, title: "Shutting down", hint: "Try another instance." },
} as const satisfies Record<string, { status: number; title: string; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

/**
 * An expected failure with a stable code and a sentence for people. `details` is answered to the caller as it is:
 * it must never hold a secret, a stack or SQL (API-41).
 */
export class WakefleetError extends Error {
  override readonly name = "WakefleetError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details?: unknown,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** BY-8: what an agent writes under a claim that is over. */
export function staleClaim(): WakefleetError {
  return new WakefleetError(
    "stale_claim",
    "The run of this token was taken over or has ended; it may not write any more",
  );
}
