/** Reading wakeups (API-104, API-105, API-113). Private payload keys and stored answers never leave. */
import type { JsonObject } from "@wakefleet/contracts";
import { redactObject } from "@wakefleet/domain";
import { whyWakeup } from "@wakefleet/engine";
import {
  findRun,
  findRuns,
  findWakeup,
  listWakeups,
  type Page,
  type RunRow,
  type WakeupFilter,
  type WakeupRow,
} from "@wakefleet/store";
import { requireAgent } from "../agents/find-agent.js";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess, insufficientScope } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import type { Principal } from "../principal.js";
import { presentListedRun } from "../runs/present-run.js";

const WAKEUP_NOT_FOUND = "Wakeup not found";

function presentPayload(payload: JsonObject | null): JsonObject | null {
  if (payload === null) return null;
  return redactObject(Object.fromEntries(Object.entries(payload).filter(([key]) => !key.startsWith("_"))));
}

function presentWakeup(wakeup: WakeupRow, run: RunRow | null): object {
  const { idempotencyFingerprint: _f, responseStatus: _s, responseJson: _j, receipts: _r, ...shown } = wakeup;
  return { ...shown, payload: presentPayload(wakeup.payload), run: run === null ? null : presentListedRun(run) };
}

/** API-104, BY-1. */
export async function readWakeup(deps: ApiDeps, query: { caller: Principal; wakeupId: string }): Promise<object> {
  const { caller } = query;
  const wakeup = found(await findWakeup(deps.db.sql, pathId(query.wakeupId, WAKEUP_NOT_FOUND)), WAKEUP_NOT_FOUND);
  assertCompanyAccess(caller, wakeup.companyId);
  if (caller.kind === "enqueue" && wakeup.requestedByActorId !== caller.userId) throw insufficientScope();
  const run = wakeup.runId === null ? null : await findRun(deps.db.sql, wakeup.runId);
  return { ...presentWakeup(wakeup, run), why: whyWakeup(wakeup, run) };
}

async function present(deps: ApiDeps, page: Page<WakeupRow>): Promise<{ page: Page<WakeupRow>; rows: object[] }> {
  const runs = await findRuns(
    deps.db.sql,
    page.rows.map((wakeup) => wakeup.runId).filter((id) => id !== null),
  );
  const rows = page.rows.map((wakeup) =>
    presentWakeup(wakeup, wakeup.runId === null ? null : (runs.get(wakeup.runId) ?? null)),
  );
  return { page, rows };
}

function onlyOwn(caller: Principal): string | undefined {
  return caller.kind === "enqueue" ? caller.userId : undefined;
}

/** API-105 for a company. */
export async function readWakeups(
  deps: ApiDeps,
  query: Omit<WakeupFilter, "requestedBy"> & { caller: Principal },
): Promise<{ page: Page<WakeupRow>; rows: object[] }> {
  const company = await requireCompany(deps, query);
  const filter = { ...query, companyId: company.id, requestedBy: onlyOwn(query.caller) };
  return await present(deps, await listWakeups(deps.db.sql, filter));
}

/** API-105 for an agent. */
export async function readAgentWakeups(
  deps: ApiDeps,
  query: Omit<WakeupFilter, "requestedBy" | "companyId" | "agentId"> & { caller: Principal; ref: string },
): Promise<{ page: Page<WakeupRow>; rows: object[] }> {
  const agent = await requireAgent(deps, query);
  const filter = { ...query, companyId: agent.companyId, agentId: agent.id, requestedBy: onlyOwn(query.caller) };
  return await present(deps, await listWakeups(deps.db.sql, filter));
}
