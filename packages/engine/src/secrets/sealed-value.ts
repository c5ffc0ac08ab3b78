/**
 * Values of secrets as they lie in the database (SC-13): AES-256-GCM with a fresh 12-byte nonce, bound to the secret's id
 * and version, and marked with the key they were sealed with.
 *
 * What must stay true: a value never appears in an error; material that is put onto another row does not open; from what
 * is stored nobody can tell what a value is without the key, not even by guessing it.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { isJsonObject, type JsonObject } from "@wakefleet/contracts";

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SCHEME = "local_encrypted_v2";
/** The reference's: no associated data, and nothing that says which key it was. */
const OLD_SCHEME = "local_encrypted_v1";

/** A key, and the name by which material and the database know it. */
export interface SecretsKey {
  /** A one-way function of the key: tells keys apart and gives nothing away. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** The version of a secret that a value belongs to. */
export interface SecretVersionName {
  readonly secretId: string;
  readonly version: number;
}

/** What is stored of a value. */
export interface SealedValue {
  readonly material: JsonObject;
  /** Hex; keyed, so that equal values can be found and none be guessed. */
  readonly valueHash: string;
}

/** The keys of a fleet: one that seals, and former ones that material may still be sealed with. */
export interface SecretsKeyring {
  readonly current: SecretsKey;
  readonly all: readonly SecretsKey[];
}

/** The material is not ours, was changed, belongs to another version, or was sealed with a key we do not have. */
export class SealBrokenError extends Error {
  override readonly name = "SealBrokenError";
}

export function secretsKey(bytes: Uint8Array): SecretsKey {
  return { id: Buffer.from(derived(bytes, "key id", 16)).toString("hex"), bytes };
}

/** A keyring of 32-byte keys; the first one seals. */
export function secretsKeyring(current: Uint8Array, previous: readonly Uint8Array[] = []): SecretsKeyring {
  const keys = [current, ...previous].map(secretsKey);
  const first = secretsKey(current);
  return { current: first, all: keys.filter((key, index) => keys.findIndex(({ id }) => id === key.id) === index) };
}

/** Seals a value with the keyring's current key. */
export function sealValue(keyring: SecretsKeyring, sealed: SecretVersionName & { value: string }): SealedValue {
  const { current } = keyring;
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, current.bytes, nonce);
  cipher.setAAD(associatedData(sealed));
  const ciphertext = Buffer.concat([cipher.update(sealed.value, "utf8"), cipher.final()]);
  return {
    material: {
      scheme: SCHEME,
      keyId: current.id,
      iv: nonce.toString("base64"),
      tag: cipher.getAuthTag().toString("base64"),
      ciphertext: ciphertext.toString("base64"),
    },
    valueHash: createHmac("sha256", derived(current.bytes, "value hash", 32))
      .update(sealed.value)
      .digest("hex"),
  };
}

/**
 * Opens a value with whichever key of the keyring sealed it.
 * @throws SealBrokenError whose text names neither value nor material.
 */
export function openValue(keyring: SecretsKeyring, sealed: SecretVersionName & { material: unknown }): string {
  const material = isJsonObject(sealed.material) ? sealed.material : {};
  const scheme = material["scheme"];
  if (scheme !== SCHEME && scheme !== OLD_SCHEME) throw new SealBrokenError("The value is stored in an unknown form");
  const keys = scheme === OLD_SCHEME ? keyring.all : keyring.all.filter(({ id }) => id === material["keyId"]);
  if (keys.length === 0)
    throw new SealBrokenError("The value was encrypted with a key that this process does not have");
  for (const key of keys) {
    const value = tryToOpen(key, { material, associated: scheme === SCHEME ? associatedData(sealed) : null });
    if (value !== null) return value;
  }
  throw new SealBrokenError("The value cannot be decrypted: it was changed, or belongs to another secret or version");
}

function tryToOpen(key: SecretsKey, sealed: { material: JsonObject; associated: Buffer | null }): string | null {
  const part = (name: string): Buffer => Buffer.from(String(sealed.material[name] ?? ""), "base64");
  const nonce = part("iv");
  const tag = part("tag");
  // A shorter tag would be easier to forge, and the library takes it.
  if (nonce.length !== NONCE_BYTES || tag.length !== TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key.bytes, nonce);
  if (sealed.associated !== null) decipher.setAAD(sealed.associated);
  decipher.setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(part("ciphertext")), decipher.final()]).toString("utf8");
  } catch {
    // The one thing that can go wrong here is that the seal is broken, for this key.
    return null;
  }
}

function associatedData({ secretId, version }: SecretVersionName): Buffer {
  return Buffer.from(`wakefleet secret ${secretId.toLowerCase()} version ${version}`);
}

function derived(key: Uint8Array, purpose: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, "", `wakefleet secrets: ${purpose}`, length));
}
