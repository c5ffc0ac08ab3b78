/** Posting wakeups (API-100 to API-103, API-106 to API-112). Deciding is the engine's; here is who asks, and the answer. */
import {
  BATCH_IDEMPOTENCY_KEY_MAX_CHARS,
  isGuid,
  isJsonObject,
  type JsonObject,
  WAKEUP_PAYLOAD_MAX_BYTES,
  WakefleetError,
  type WakeupBody,
  type WakeupOutcome,
  wakeupBatchItemSchema,
} from "@wakefleet/contracts";
import type { AcceptWakeupRequest, AcceptWakeupResult, DecidedWakeup } from "@wakefleet/engine";
import { closedLabel } from "@wakefleet/telemetry";
import { requireAgent, resolveAgentId } from "../agents/find-agent.js";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess, assertWakes } from "../http/guards.js";
import { HttpError, problemOf, toWakefleetError, validationError } from "../http/problems.js";
import type { JsonAnswer } from "../http/route.js";
import { actorOf, type Principal } from "../principal.js";
import { presentRun } from "../runs/present-run.js";
import { wakeupFingerprint } from "./idempotency-key.js";

/** Reasons that may stand in a metric's label (API-310). */
const LABEL_REASONS = [
  "issue_execution_same_name",
  "issue_execution_deferred",
  "heartbeat.disabled",
  "heartbeat.wakeOnDemand.disabled",
  "budget.blocked",
  "issue_tree_hold_active",
  "issue_execution_issue_not_found",
  "issue_dependencies_blocked",
  "not_found",
  "agent_not_invokable",
  "budget_blocked",
  "idempotency_key_reused",
  "wrong_company",
  "forbidden",
  "validation_failed",
  "payload_too_large",
  "none",
] as const;

export interface PostWakeup {
  readonly caller: Principal;
  /** Id or short name of the path. */
  readonly ref: string;
  readonly companyId?: string | undefined;
  readonly body: WakeupBody;
  /** From the header; it wins over the body's (WK-42). */
  readonly headerKey: string | null;
}

/** A wake as the engine is asked for it. */
function requestFor(
  caller: Principal,
  wake: { agentId: string; body: WakeupBody; key: string | null },
): AcceptWakeupRequest {
  const actor = actorOf(caller);
  const { body } = wake;
  return {
    agentId: wake.agentId,
    companyId: caller.companyId,
    source: body.source,
    triggerDetail: body.triggerDetail,
    reason: body.reason,
    payload: body.payload,
    context: {
      triggeredBy: caller.kind === "agent" ? "agent" : "board",
      actorId: actor.id,
      forceFreshSession: body.forceFreshSession === true,
    },
    actor: { type: actor.type, id: actor.id },
    idempotencyKey: wake.key,
    fingerprint: wake.key === null ? null : wakeupFingerprint(wake.agentId, body),
    logActivity: true,
  };
}

/** API-102 table: 256 KiB serialised. */
function assertPayloadSize(payload: JsonObject | null): void {
  if (payload === null) return;
  if (Buffer.byteLength(JSON.stringify(payload)) <= WAKEUP_PAYLOAD_MAX_BYTES) return;
  throw new WakefleetError("payload_too_large", "Request body is too large", {
    field: "payload",
    limitBytes: WAKEUP_PAYLOAD_MAX_BYTES,
  });
}

/**
 * Decides one wake. Whether the agent exists, is of the caller's company and may run is judged under its lock by the
 * engine, in the order of API-19; only what needs no look-up is judged before.
 */
export async function postWakeup(deps: ApiDeps, command: PostWakeup): Promise<DecidedWakeup> {
  const { caller, body } = command;
  assertPayloadSize(body.payload);
  const agentId = await resolveAgentId(deps, command);
  await assertMayWake(deps, { caller, agentId });
  const key = command.headerKey ?? body.idempotencyKey;
  const result = await deps.engine.acceptWakeup(requestFor(caller, { agentId, body, key }));
  count(deps, { source: body.source, result });
  if (result.outcome === "rejected") throw result.replayed === true ? replayedRefusal(result.error) : result.error;
  return result;
}

/** A refusal that was stored with its request is answered again, and says so (API-109, WK-42). */
function replayedRefusal(error: WakefleetError): HttpError {
  return new HttpError(error.code, error.message, error.details, { "Idempotency-Replayed": "true" });
}

/** An agent wakes only itself; for another one 404 and the company come first (API-19). */
async function assertMayWake(deps: ApiDeps, wake: { caller: Principal; agentId: string }): Promise<void> {
  const { caller, agentId } = wake;
  if (caller.kind !== "agent" || caller.agentId === agentId) return;
  const agent = await requireAgent(deps, { caller, ref: agentId });
  assertCompanyAccess(caller, agent.companyId);
  assertWakes(caller, agent.id);
}

function count(deps: ApiDeps, counted: { source: string; result: AcceptWakeupResult }): void {
  const { result } = counted;
  if (result.outcome !== "rejected" && result.replayed) return;
  const reason =
    result.outcome === "rejected"
      ? result.error.code
      : result.outcome === "queued"
        ? "none"
        : (result.skip?.skipReason ?? result.wakeup.reason ?? "none");
  deps.metrics.wakeups.inc({
    source: counted.source,
    outcome: result.outcome,
    reason: closedLabel(reason, LABEL_REASONS),
  });
}

/** Headers of every 202 (API-109). */
function wakeupHeaders(decided: DecidedWakeup): Record<string, string> {
  return {
    "X-Wakeup-Id": decided.wakeup.id,
    "X-Wakeup-Outcome": decided.outcome,
    Location: decided.run === null ? `/api/wakeups/${decided.wakeup.id}` : `/api/heartbeat-runs/${decided.run.id}`,
    ...(decided.replayed ? { "Idempotency-Replayed": "true" } : {}),
  };
}

/** API-107: the run, or the skip object. */
export function wakeupAnswer(decided: DecidedWakeup): JsonAnswer {
  const answered = decided.run === null ? decided.skip : presentRun(decided.run);
  return { status: 202, body: { ...answered, wakeup: decided.wakeup }, headers: wakeupHeaders(decided) };
}

/** API-101: the run, or only that it was skipped. */
export function invokeAnswer(decided: DecidedWakeup): JsonAnswer {
  const answered = decided.run === null ? { status: "skipped" } : presentRun(decided.run);
  return { status: 202, body: { ...answered, wakeup: decided.wakeup }, headers: wakeupHeaders(decided) };
}

/** API-102: `{outcome, wakeup, run}`. */
export function outcomeAnswer(decided: DecidedWakeup): JsonAnswer {
  return {
    status: 202,
    body: {
      outcome: decided.outcome,
      wakeup: decided.wakeup,
      run: decided.run === null ? null : presentRun(decided.run),
    },
    headers: wakeupHeaders(decided),
  };
}

interface BatchItemAnswer {
  readonly index: number;
  readonly agentId: string | null;
  readonly httpStatus: number;
  readonly outcome: WakeupOutcome;
  readonly runId: string | null;
  readonly wakeupId: string | null;
  readonly reason: string | null;
  readonly error?: object;
}

export interface PostWakeupBatch {
  readonly caller: Principal;
  readonly items: readonly unknown[];
  /** From the header: items without a key get `KEY#INDEX` (API-112). */
  readonly headerKey: string | null;
  readonly at: { readonly path: string; readonly requestId: string };
}

/** API-112: one result an item, in order; one bad item never spoils the rest. */
export async function postWakeupBatch(deps: ApiDeps, command: PostWakeupBatch): Promise<JsonAnswer> {
  const results = new Array<BatchItemAnswer>(command.items.length);
  const accepted: { index: number; request: AcceptWakeupRequest }[] = [];
  for (const [index, item] of command.items.entries()) {
    try {
      accepted.push({ index, request: await batchRequest(deps, { command, item, index }) });
    } catch (thrown) {
      const error = toWakefleetError(thrown);
      // What is no fault of the item fails the request as a whole (API-112).
      if (error.status >= 500) throw thrown;
      results[index] = rejectedItem(command, { index, agentId: agentIdOf(item), error });
      count(deps, { source: "on_demand", result: { outcome: "rejected", error } });
    }
  }
  const decided = accepted.length === 0 ? [] : await deps.engine.acceptWakeupBatch(accepted.map((one) => one.request));
  for (const [position, { index, request }] of accepted.entries()) {
    const result = decided[position];
    if (result === undefined) throw new Error("a wakeup of a batch was left without a result");
    count(deps, { source: request.source, result });
    results[index] =
      result.outcome === "rejected"
        ? rejectedItem(command, { index, agentId: request.agentId, error: result.error })
        : {
            index,
            agentId: request.agentId,
            httpStatus: 202,
            outcome: result.outcome,
            runId: result.run?.id ?? null,
            wakeupId: result.wakeup.id,
            reason: result.skip?.skipReason ?? result.wakeup.reason,
          };
  }
  const summary = { queued: 0, coalesced: 0, deferred: 0, skipped: 0, rejected: 0 };
  for (const result of results) summary[result.outcome] += 1;
  return { status: 202, body: { results, summary } };
}

async function batchRequest(
  deps: ApiDeps,
  one: { command: PostWakeupBatch; item: unknown; index: number },
): Promise<AcceptWakeupRequest> {
  const { caller, headerKey } = one.command;
  const parsed = wakeupBatchItemSchema.safeParse(one.item);
  if (!parsed.success) throw validationError(parsed.error);
  const { agentId: ref, ...body } = parsed.data;
  assertPayloadSize(body.payload);
  const agentId = await resolveAgentId(deps, { caller, ref });
  await assertMayWake(deps, { caller, agentId });
  const key = body.idempotencyKey ?? (headerKey === null ? null : `${headerKey}#${one.index}`);
  return requestFor(caller, { agentId, body, key });
}

function agentIdOf(item: unknown): string | null {
  const id = isJsonObject(item) ? item["agentId"] : null;
  return isGuid(id) ? id.toLowerCase() : null;
}

function rejectedItem(
  command: PostWakeupBatch,
  rejected: { index: number; agentId: string | null; error: WakefleetError },
): BatchItemAnswer {
  const { index, agentId, error } = rejected;
  return {
    index,
    agentId,
    httpStatus: error.status,
    outcome: "rejected",
    runId: null,
    wakeupId: null,
    reason: error.code,
    error: problemOf(error, command.at),
  };
}

export { BATCH_IDEMPOTENCY_KEY_MAX_CHARS };
