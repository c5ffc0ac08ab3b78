/**
 * Which names look like the name of a secret. Names are compared by whole words (AC-3), so that `author` is not `auth`
 * and `keyboard` is not `key`.
 */

/** Single words that name a secret in a JSON key (AC-2). */
const SECRET_WORDS = new Set([
  "apikey",
  "accesstoken",
  "auth",
  "authtoken",
  "authorization",
  "bearer",
  "secret",
  "passwd",
  "password",
  "credential",
  "jwt",
  "privatekey",
  "cookie",
  "connectionstring",
]);

/** Two words beside each other that name a secret in a JSON key (AC-2). */
const SECRET_PAIRS = new Set(["api key", "access token", "private key", "connection string"]);

/** Parts that make an environment variable's name a secret's (AC-3). */
const SECRET_ENV_PARTS = ["TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "AUTHORIZATION", "JWT", "CREDENTIAL"];

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length > 0);
}

function singular(word: string): string {
  return word.length > 3 && word.endsWith("s") ? word.slice(0, -1) : word;
}

/** True for a JSON key that names a secret (AC-2), whatever its case and separators. */
export function isSecretKey(name: string): boolean {
  const words = wordsOf(name);
  return words.some((word, index) => {
    if (SECRET_WORDS.has(word) || SECRET_WORDS.has(singular(word))) return true;
    const next = words[index + 1];
    return next !== undefined && SECRET_PAIRS.has(`${word} ${singular(next)}`);
  });
}

/** True for an environment variable's name that looks like a secret's. Wider than {@link isSecretKey}: parts count. */
export function isSecretEnvName(name: string): boolean {
  const upper = name.toUpperCase();
  return SECRET_ENV_PARTS.some((part) => upper.includes(part)) || isSecretKey(name);
}
