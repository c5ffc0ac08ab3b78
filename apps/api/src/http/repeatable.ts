/**
 * `Idempotency-Key` on POST routes (API-308): the same caller, route and key within 24 hours is answered as the first time.
 *
 * What must stay true: nothing is carried out twice under a key, also when a process dies at any moment. So the first
 * request's record is marked in the transaction of its change: either both are there, or neither. A request that died before
 * its change is done again; one that died after it is not, and its lost answer is told as such.
 */
import { isGuid, type JsonValue, WakefleetError } from "@wakefleet/contracts";
import {
  beginRepeatable,
  keepAnswer,
  markAttempt,
  type RepeatableRequest,
  type RepeatableState,
  releaseAttempt,
  type Sql,
  withTransactionMark,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { readIdempotencyKeyHeader, requestFingerprint } from "../wakeups/idempotency-key.js";
import { HttpError, problemOf, toWakefleetError } from "./problems.js";
import type { Answer, JsonAnswer, Route, RouteCall } from "./route.js";

const KEY_MAX_CHARS = 255;
/** An attempt that committed nothing for so long is dead: longer than any request may take. */
const ATTEMPT_MS = 60_000;

/** What is stored of an answer besides its status. */
type KeptAnswer = {
  readonly body: JsonValue;
  readonly headers: Readonly<Record<string, string>>;
};

type Deps = Pick<ApiDeps, "db" | "settings" | "log">;

interface Once {
  readonly deps: Deps;
  readonly call: RouteCall<string, unknown, unknown>;
  readonly handle: () => Promise<Answer>;
}

/** Handles the request, or answers as it was answered before. Throws 409 while the first is at work, 422 for another request. */
export async function answerOnce(route: Route, once: Once): Promise<Answer> {
  const { deps, call, handle } = once;
  const key = readIdempotencyKeyHeader(call.req.get("idempotency-key"), KEY_MAX_CHARS);
  if (key === null) return await handle();
  const request = requestOf(route, { call, key, secret: deps.settings.authSecret });
  const state = await beginRepeatable(deps.db.sql, { request, attemptMs: ATTEMPT_MS });
  if (state.kind === "known") return answerOfFirst(route, { request, state });
  return await attempt(route, { ...once, attemptId: state.attemptId });
}

function requestOf(
  route: Route,
  asked: { call: RouteCall<string, unknown, unknown>; key: string; secret: string },
): RepeatableRequest {
  const { call, key, secret } = asked;
  const { params, caller } = call;
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name] ?? "";
    return encodeURIComponent(isGuid(value) ? value.toLowerCase() : value);
  });
  const sent = { body: (call.sent ?? null) as JsonValue, query: (call.query ?? null) as JsonValue };
  return {
    principal: principalKey(caller),
    route: `POST ${path}`,
    key,
    fingerprint: requestFingerprint(sent, secret),
    companyId: caller.companyId,
  };
}

/** An agent is one caller, by its key or in a run; so is a key, also in the browser session it opened. */
function principalKey(caller: Principal): string {
  if (caller.kind === "agent") return `agent:${caller.agentId}`;
  return caller.keyId === null ? `local:${caller.userId}` : `key:${caller.keyId}`;
}

function answerOfFirst(
  route: Route,
  known: { request: RepeatableRequest; state: Extract<RepeatableState, { kind: "known" }> },
): JsonAnswer {
  const { request, state } = known;
  if (state.fingerprint !== request.fingerprint) {
    throw new WakefleetError("idempotency_key_reused", "Idempotency key was already used with a different request");
  }
  if (state.answer !== null && !isShownOnce(route, state.answer)) {
    // Only `attempt` writes these.
    const { body, headers } = state.answer.kept as KeptAnswer;
    return { status: state.answer.status, body, headers: { ...headers, "Idempotency-Replayed": "true" } };
  }
  if (state.answer === null && state.isUnderWay) {
    const message = "A request with this idempotency key is in progress";
    throw new HttpError("conflict", message, undefined, { "Retry-After": "1" });
  }
  throw new WakefleetError(
    "conflict",
    state.answer !== null
      ? "The request with this idempotency key was carried out; its answer was shown once and is not kept"
      : "The request with this idempotency key was carried out, but its answer was lost; read what it changed",
  );
}

async function attempt(route: Route, at: Once & { readonly attemptId: string }): Promise<Answer> {
  const { deps, call, handle, attemptId } = at;
  let isOver = false;
  const mark = async (tx: Sql): Promise<void> => {
    // What the request left to be done after its answer is its own no more.
    if (isOver || (await markAttempt(tx, attemptId))) return;
    throw new WakefleetError("conflict", "Another request with this idempotency key went on in the meantime");
  };
  try {
    const answer = await withTransactionMark(mark, handle);
    if ("body" in answer) {
      const { status, body, headers = {} } = answer;
      const kept = isShownOnce(route, answer) ? null : { body, headers };
      await quietly(deps, () => keepAnswer(deps.db.sql, { attemptId, status, kept }));
    }
    return answer;
  } catch (thrown) {
    const error = toWakefleetError(thrown);
    const { path } = call.req;
    const { status } = error;
    if (status >= 500) await quietly(deps, () => releaseAttempt(deps.db.sql, attemptId));
    else {
      const kept = { body: problemOf(error, { path, requestId: call.requestId }), headers: {} };
      await quietly(deps, () => keepAnswer(deps.db.sql, { attemptId, status, kept }));
    }
    throw thrown;
  } finally {
    isOver = true;
  }
}

/** A success of a route that shows something only once; its refusals are answered again like any other. */
function isShownOnce(route: Route, { status }: Pick<JsonAnswer, "status">): boolean {
  return route.repeats === "secret_answer" && status < 400;
}

/** The change is committed or refused whatever becomes of its record: the caller gets its answer. */
async function quietly({ log }: Deps, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    log.warn({ event: "api.answer_not_kept", err: error }, "the answer to a repeatable request could not be kept");
  }
}
