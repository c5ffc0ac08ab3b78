/** Instance settings as they are read (API-270, DM-81, IN-7). */
import { experimentalSettings, generalSettings } from "@wakefleet/contracts";
import { readInstanceSettings } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import type { Principal } from "../principal.js";

/** API-270. */
export async function readSettingsGroup(
  deps: ApiDeps,
  query: { caller: Principal; group: "general" | "experimental" },
): Promise<object> {
  assertBoard(query.caller);
  const stored = await readInstanceSettings(deps.db.sql);
  return query.group === "general" ? generalSettings(stored) : experimentalSettings(stored);
}
