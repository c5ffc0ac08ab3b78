/**
 * The device identity a gateway knows a client by (AD-313): an Ed25519 key pair. The device's id is the SHA-256 of its raw
 * public key, so nobody can take another's id.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface GatewayDevice {
  /** SHA-256 of the raw public key, hexadecimal. */
  readonly id: string;
  /** The raw public key, base64url. */
  readonly publicKey: string;
  /** Made for this run only, so that the gateway has never seen it. */
  readonly ephemeral: boolean;
  /** Ed25519 signature of the text's UTF-8 bytes, base64url. */
  sign(text: string): string;
}

/**
 * The device of a configured key, or a new one when `privateKeyPem` is null.
 * @throws Error when the text is not an Ed25519 private key in PEM form.
 */
export function gatewayDevice(privateKeyPem: string | null): GatewayDevice {
  const privateKey = privateKeyPem === null ? generateKeyPairSync("ed25519").privateKey : readKey(privateKeyPem);
  const raw = createPublicKey(privateKey).export({ format: "jwk" }).x;
  if (raw === undefined) throw new Error("The device's public key could not be read");
  return {
    id: createHash("sha256").update(Buffer.from(raw, "base64url")).digest("hex"),
    publicKey: raw,
    ephemeral: privateKeyPem === null,
    sign: (text) => sign(null, Buffer.from(text, "utf8"), privateKey).toString("base64url"),
  };
}

function readKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    // Keys that went through an environment variable have their line ends written out.
    key = createPrivateKey(pem.replaceAll("\\n", "\n"));
  } catch (cause) {
    throw new Error("The setting devicePrivateKeyPem is not a private key in PEM form.", { cause });
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new Error(
      `The setting devicePrivateKeyPem holds a key of type ${key.asymmetricKeyType ?? "unknown"}. Give an Ed25519 key.`,
    );
  }
  return key;
}
