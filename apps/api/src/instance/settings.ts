/** Instance settings as they are read and changed (API-270, API-271, DM-81, IN-1, IN-7). */
import { experimentalSettings, generalSettings, type JsonObject } from "@wakefleet/contracts";
import { changeInstanceSettings, listCompanies, readInstanceSettings } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard, assertInstanceAdmin } from "../http/guards.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";

type Group = "general" | "experimental";

/** API-270. */
export async function readSettingsGroup(deps: ApiDeps, query: { caller: Principal; group: Group }): Promise<object> {
  assertBoard(query.caller);
  return groupOf(query.group, await readInstanceSettings(deps.db.sql));
}

/** API-271. Every company's log tells of it (AC-44). */
export async function changeSettingsGroup(
  deps: ApiDeps,
  command: { caller: Principal; group: Group; changes: JsonObject },
): Promise<object> {
  const { caller, group, changes } = command;
  assertInstanceAdmin(caller);
  return mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const stored = await changeInstanceSettings(tx, { group, changes });
    const settings = groupOf(group, stored);
    for (const { id: companyId } of await listCompanies(tx, null)) {
      note({
        companyId,
        action: `instance.settings.${group}_updated`,
        entityType: "instance_settings",
        entityId: stored.id,
        details: { [group]: { ...settings }, changedKeys: Object.keys(changes).sort() } as JsonObject,
      });
    }
    return settings;
  });
}

function groupOf(group: Group, stored: { general: unknown; experimental: unknown }): object {
  return group === "general" ? generalSettings(stored) : experimentalSettings(stored);
}
