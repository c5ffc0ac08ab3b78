/**
 * The key of a process (SC-14, SC-15): given by the configuration, else in the key file, else made by the first start of
 * an empty installation.
 *
 * What must stay true: a fleet has one key; its id is in the database, and a process with another one does not start, as it
 * would write what nobody else can read. A file is made under the lock of the fleet's row, so that of many processes that
 * start at once one makes the key and the others find it.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseSecretsKey } from "@wakefleet/contracts";
import { type Database, lockSecretsKeyState, setSecretsKeyId } from "@wakefleet/store";
import { type SecretsKeyring, secretsKeyring } from "./sealed-value.js";

/** Of the configuration, which has checked it. */
export interface SecretsSettings {
  /** `SECRETS_KEY`; null when it is not set. */
  readonly secretsKey: string | null;
  /** `SECRETS_PREVIOUS_KEYS`. */
  readonly secretsPreviousKeys: readonly string[];
  /** `WAKEFLEET_SECRETS_MASTER_KEY_FILE`, absolute. */
  readonly secretsKeyFile: string;
}

/** Where the keys come from when secrets are sealed or opened. */
export interface SecretsAccess {
  /** @throws SecretsKeyError where the process has no key, or another than the fleet's. */
  keyring(): Promise<SecretsKeyring>;
}

/** The process cannot work with the fleet's secrets; the text says why and what to do, and names no key. */
export class SecretsKeyError extends Error {
  override readonly name = "SecretsKeyError";
}

/** Access that finds the key at its first use and keeps it. A failure is tried again at the next use. */
export function createSecretsAccess(deps: {
  db: Pick<Database, "transaction">;
  settings: SecretsSettings;
}): SecretsAccess {
  let known: SecretsKeyring | null = null;
  return {
    async keyring() {
      known ??= await findKeyring(deps);
      return known;
    },
  };
}

/**
 * To be called at the start: refuses a key that is not the fleet's, and a fleet with secrets whose key is missing (SC-15).
 * A process without a key is let start while there are no secrets, since it may never need one; answers false then.
 * @throws SecretsKeyError, or the database's error.
 */
export async function checkSecretsKey(deps: {
  access: SecretsAccess;
  db: Pick<Database, "transaction">;
}): Promise<boolean> {
  try {
    await deps.access.keyring();
    return true;
  } catch (error) {
    if (!(error instanceof NoKeyError)) throw error;
    const { hasSecrets } = await deps.db.transaction(lockSecretsKeyState);
    if (hasSecrets) throw error;
    return false;
  }
}

class NoKeyError extends SecretsKeyError {}

function findKeyring({ db, settings }: Parameters<typeof createSecretsAccess>[0]): Promise<SecretsKeyring> {
  return db.transaction(async (tx) => {
    const state = await lockSecretsKeyState(tx);
    const mayMake = state.keyId === null && !state.hasSecrets;
    const current =
      givenKey(settings) ??
      readKeyFile(settings.secretsKeyFile) ??
      (mayMake ? makeKeyFile(settings.secretsKeyFile) : null);
    if (current === null) {
      throw new NoKeyError(
        `This fleet already has a key for its secrets, and this process has none. Set SECRETS_KEY, or put the key into ${settings.secretsKeyFile}.`,
      );
    }
    const previous = settings.secretsPreviousKeys.map((text) => requireKey(text, "SECRETS_PREVIOUS_KEYS"));
    const keyring = secretsKeyring(current, previous);
    if (state.keyId === null) await setSecretsKeyId(tx, keyring.current.id);
    else if (!keyring.all.some(({ id }) => id === state.keyId)) {
      const source = settings.secretsKey === null ? `the key in ${settings.secretsKeyFile}` : "SECRETS_KEY";
      throw new SecretsKeyError(
        `The secrets of this fleet are encrypted with another key than ${source}. Give this process the fleet's key; to change keys, set the old one as SECRETS_PREVIOUS_KEYS and run "wakefleet secrets rotate".`,
      );
    }
    return keyring;
  });
}

function givenKey(settings: SecretsSettings): Uint8Array | null {
  return settings.secretsKey === null ? null : requireKey(settings.secretsKey, "SECRETS_KEY");
}

function requireKey(text: string, source: string): Uint8Array {
  const key = parseSecretsKey(text);
  if (key !== null) return key;
  throw new SecretsKeyError(
    `${source} holds no key. A key is 64 hexadecimal digits, base64 of 32 bytes, or 32 characters; make one with: openssl rand -hex 32`,
  );
}

function readKeyFile(file: string): Uint8Array | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new SecretsKeyError(
      `The key file ${file} (WAKEFLEET_SECRETS_MASTER_KEY_FILE) cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return requireKey(text.trim(), `The key file ${file} (WAKEFLEET_SECRETS_MASTER_KEY_FILE)`);
}

/** Whole or not at all: written beside its place and linked into it, which fails where another was faster. */
function makeKeyFile(file: string): Uint8Array {
  const draft = `${file}.${randomUUID()}`;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new SecretsKeyError(
        `No key for secrets could be made in ${file}: ${(error as Error).message}. Set SECRETS_KEY, or make the folder writable.`,
        { cause: error },
      );
    }
  } finally {
    rmSync(draft, { force: true });
  }
  const made = readKeyFile(file);
  if (made === null) throw new SecretsKeyError(`The key file ${file} vanished while it was made.`);
  return made;
}
