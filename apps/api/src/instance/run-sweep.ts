/** Having a sweep run now, and what it saw and did (RC-83). Sweeps look after every company, so a company's key may not. */
import { SWEEP_NAMES, type SweepName, type SweepRun, WakefleetError } from "@wakefleet/contracts";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import type { Principal } from "../principal.js";

export async function runSweep(
  deps: Pick<ApiDeps, "queues" | "log">,
  command: { readonly caller: Principal; readonly name: string },
): Promise<SweepRun> {
  assertBoard(command.caller);
  if (command.caller.companyId !== null) {
    throw new WakefleetError("forbidden", "Sweeps look after every company; use a key that is bound to none");
  }
  const { name } = command;
  if (!isSweepName(name)) {
    throw new WakefleetError("not_found", `There is no sweep "${name}"; there are ${SWEEP_NAMES.join(", ")}`);
  }
  try {
    return { sweep: name, ...(await deps.queues.runSweep(name)) };
  } catch (error) {
    deps.log.warn({ event: "sweep.not_asked_for", sweep: name, err: error }, "a sweep could not be asked for");
    throw new WakefleetError("store_unavailable", "Redis is away, and sweeps are asked for through it", undefined, {
      cause: error,
    });
  }
}

function isSweepName(name: string): name is SweepName {
  return (SWEEP_NAMES as readonly string[]).includes(name);
}
