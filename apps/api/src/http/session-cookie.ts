/**
 * Browser sessions (API-25, API-33): a signed cookie that names the key it was opened with. It holds no token, ends after
 * 12 hours, and ends with its key, which is looked up at every request.
 */
import type { IncomingMessage } from "node:http";
import { isGuid } from "@wakefleet/contracts";
import { jwtVerify, SignJWT } from "jose";

const COOKIE = "wf_session";
const LIFETIME_SEC = 12 * 60 * 60;
const ISSUER = "wakefleet";
const AUDIENCE = "wakefleet-session";

function keyOf(secret: string): Uint8Array {
  return new TextEncoder().encode(secret);
}

/** The `Set-Cookie` value that opens a session for a key. `secure` on TLS. */
export async function sessionCookie(session: {
  keyId: string;
  secret: string;
  now: Date;
  secure: boolean;
}): Promise<string> {
  const issuedAt = Math.floor(session.now.getTime() / 1_000);
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(session.keyId)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFETIME_SEC)
    .sign(keyOf(session.secret));
  return `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${LIFETIME_SEC}${session.secure ? "; Secure" : ""}`;
}

/** The `Set-Cookie` value that ends a session. */
export function endedSessionCookie(secure: boolean): string {
  return `${COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0${secure ? "; Secure" : ""}`;
}

/** The session cookie of a request as it was sent; null without one. */
export function sentSessionCookie(req: IncomingMessage): string | null {
  for (const part of (req.headers.cookie ?? "").split(";")) {
    const [name, ...value] = part.trim().split("=");
    if (name === COOKIE && value.length > 0 && value[0] !== "") return value.join("=");
  }
  return null;
}

/** The id of the key a session cookie was opened with; null when it is not ours or too old. */
export async function readSessionCookie(cookie: string, check: { secret: string; now: Date }): Promise<string | null> {
  try {
    const { payload } = await jwtVerify(cookie, keyOf(check.secret), {
      algorithms: ["HS256"],
      issuer: ISSUER,
      audience: AUDIENCE,
      currentDate: check.now,
      requiredClaims: ["sub", "exp"],
    });
    return isGuid(payload.sub) ? payload.sub : null;
  } catch {
    // A cookie that is not ours, or too old, is no session: the caller is answered 401.
    return null;
  }
}
