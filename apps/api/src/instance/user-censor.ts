/**
 * `censorUsernameInLogs` (IN-2): masks the name and the home folders of the OS user of this very process in what it
 * keeps and answers, while the setting is on. What runs print is masked by their workers.
 *
 * What must stay true: a change of the setting acts within seconds without a restart (IN-1), and costs a process nothing
 * while it writes nothing. So the setting is read anew when a text comes and the last reading is older than that; while the
 * database is away, what was read last stands.
 */
import { generalSettings, isJsonObject, type JsonValue } from "@wakefleet/contracts";
import { createOsUserRedactor, type OsUser } from "@wakefleet/run-logs";
import { type Database, readInstanceSettings } from "@wakefleet/store";

export interface UserCensor {
  /** Reads the setting; call it before the first text of something long. Never rejects. */
  refresh(): Promise<void>;
  /** The text as it may leave this process. */
  mask(text: string): string;
  /** The same for every text inside a value; names of members stay. */
  maskJson<Value extends JsonValue>(value: Value): Value;
}

/** How long a reading stands, ms. */
const FRESH_MS = 2_000;

export function createUserCensor(deps: {
  readonly db: Pick<Database, "sql">;
  readonly user: OsUser;
  readonly log: { warn(fields: object, message: string): void };
}): UserCensor {
  const redact = createOsUserRedactor(deps.user);
  let isOn = false;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;

  async function read(): Promise<void> {
    try {
      isOn = generalSettings(await readInstanceSettings(deps.db.sql)).censorUsernameInLogs;
    } catch (error) {
      deps.log.warn({ event: "settings.unread", err: error }, "the setting of names in logs stays as it was read last");
    } finally {
      readAt = performance.now();
      reading = null;
    }
  }
  function refresh(): Promise<void> {
    if (performance.now() - readAt < FRESH_MS) return Promise.resolve();
    reading ??= read();
    return reading;
  }
  function mask(text: string): string {
    void refresh();
    return isOn ? redact(text) : text;
  }
  return {
    refresh,
    mask,
    maskJson(value) {
      void refresh();
      return isOn ? masked(value, redact) : value;
    },
  };
}

function masked<Value extends JsonValue>(value: Value, redact: (text: string) => string): Value {
  const walk = (one: JsonValue): JsonValue => {
    if (typeof one === "string") return redact(one);
    if (Array.isArray(one)) return one.map(walk);
    if (!isJsonObject(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([key, field]) => [key, walk(field)]));
  };
  // Texts stay texts, lists lists and objects objects.
  return walk(value) as Value;
}
