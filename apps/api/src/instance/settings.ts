/** Instance settings as they are read (API-270, DM-81, IN-7). */
import {
  EXPERIMENTAL_SETTINGS_DEFAULTS,
  type ExperimentalSettings,
  experimentalSettingsSchema,
  GENERAL_SETTINGS_DEFAULTS,
  type GeneralSettings,
  generalSettingsSchema,
  readSettings,
} from "@wakefleet/contracts";
import { readInstanceSettings } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import type { Principal } from "../principal.js";

/** The experimental group with defaults filled in. */
export function experimentalSettings(stored: { experimental: unknown }): ExperimentalSettings {
  return readSettings(experimentalSettingsSchema, {
    stored: stored.experimental,
    defaults: EXPERIMENTAL_SETTINGS_DEFAULTS,
  });
}

/** The general group with defaults filled in. */
export function generalSettings(stored: { general: unknown }): GeneralSettings {
  return readSettings(generalSettingsSchema, { stored: stored.general, defaults: GENERAL_SETTINGS_DEFAULTS });
}

/** API-270. */
export async function readSettingsGroup(
  deps: ApiDeps,
  query: { caller: Principal; group: "general" | "experimental" },
): Promise<object> {
  assertBoard(query.caller);
  const stored = await readInstanceSettings(deps.db.sql);
  return query.group === "general" ? generalSettings(stored) : experimentalSettings(stored);
}
