/** The checks that creating and changing an agent share (API-71, API-77). */
import { type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { driversOf, findHostCommandPaths, findInstructionPaths } from "@wakefleet/domain";
import { findAgent, findEnvironment, listChainOfCommand, type Sql } from "@wakefleet/store";
import type { Principal } from "../principal.js";

export function assertKnownAdapter(type: string, known: readonly string[]): void {
  if (!known.includes(type)) throw new WakefleetError("unprocessable", `Unknown adapter type: ${type}`);
}

/** The manager exists in the company and closes no ring (AL-, API-71, API-77). */
export async function assertManager(
  tx: Sql,
  check: { companyId: string; reportsTo: string; agentId: string | null },
): Promise<void> {
  if (check.reportsTo.toLowerCase() === check.agentId) {
    throw new WakefleetError("unprocessable", "Agent cannot report to itself");
  }
  const manager = await findAgent(tx, check.reportsTo);
  if (manager === null) throw new WakefleetError("not_found", "Manager not found");
  if (manager.companyId !== check.companyId) {
    throw new WakefleetError("unprocessable", "Manager must belong to same company");
  }
  if (check.agentId === null) return;
  const above = await listChainOfCommand(tx, manager.id);
  if (above.some((agent) => agent.id === check.agentId)) {
    throw new WakefleetError("unprocessable", "Reporting relationship would create cycle");
  }
}

/** The selected environment exists and fits the adapter (API-222). */
export async function assertEnvironment(
  tx: Sql,
  check: { companyId: string; environmentId: string; adapterType: string },
): Promise<void> {
  const environment = await findEnvironment(tx, { id: check.environmentId, companyId: check.companyId });
  if (environment === null) throw new WakefleetError("unprocessable", "Environment not found.");
  if (environment.status === "archived") throw new WakefleetError("unprocessable", "Environment is archived.");
  const allowed = driversOf(check.adapterType);
  if (!allowed.includes(environment.driver)) {
    throw new WakefleetError(
      "unprocessable",
      `Environment driver "${environment.driver}" is not allowed here. Allowed drivers: ${allowed.join(", ")}`,
    );
  }
}

/** Agents never change commands that run on the host, nor where instructions are read from (API-37). */
export function assertNoProtectedConfig(caller: Principal, adapterConfig: JsonObject): void {
  if (caller.kind !== "agent") return;
  const commands = findHostCommandPaths(adapterConfig, "adapterConfig");
  if (commands.length > 0) {
    throw new WakefleetError(
      "forbidden",
      `Agent keys cannot modify host-executed workspace commands (${commands.join(", ")}).`,
    );
  }
  const instructions = findInstructionPaths(adapterConfig, "adapterConfig");
  if (instructions.length > 0) {
    throw new WakefleetError("forbidden", `Agent keys cannot modify instruction paths (${instructions.join(", ")}).`);
  }
}
