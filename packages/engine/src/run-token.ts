/**
 * The run token (API-31): what an agent holds while it runs, and what it answers with to our own API.
 *
 * What must stay true: only HS256 with our secret, our issuer and our audience is believed; a token says which run and
 * under which claim it was started, and whoever verifies it still has to ask PostgreSQL whether that claim is current
 * (`claimToken` = the run's `start_token`).
 */
import { randomUUID } from "node:crypto";
import { isGuid } from "@wakefleet/contracts";
import { jwtVerify, SignJWT } from "jose";

const ISSUER = "wakefleet";
const AUDIENCE = "wakefleet-api";
const ALGORITHM = "HS256";

/** Default lifetime of a run token, seconds (API-31). */
export const RUN_TOKEN_TTL_SECONDS = 48 * 60 * 60;

/** What a run token says. */
export interface RunTokenClaims {
  readonly agentId: string;
  readonly companyId: string;
  readonly adapterType: string;
  readonly runId: string;
  /** The fencing token under which the child was started (DM-30 `start_token`). */
  readonly claimToken: number;
}

/** Signs the token of one run; what signs lies with whoever composed it. */
export type MintRunToken = (claims: RunTokenClaims) => Promise<string>;

function keyOf(secret: string): Uint8Array {
  return new TextEncoder().encode(secret);
}

/**
 * Signs a token for one run. `now` is the time it is issued; `ttlSeconds` defaults to {@link RUN_TOKEN_TTL_SECONDS}.
 */
export async function mintRunToken(options: {
  readonly secret: string;
  readonly claims: RunTokenClaims;
  readonly now: Date;
  readonly ttlSeconds?: number;
}): Promise<string> {
  const issuedAt = Math.floor(options.now.getTime() / 1_000);
  const { claims } = options;
  return await new SignJWT({
    company_id: claims.companyId,
    adapter_type: claims.adapterType,
    run_id: claims.runId,
    claim_token: claims.claimToken,
  })
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
    .setSubject(claims.agentId)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (options.ttlSeconds ?? RUN_TOKEN_TTL_SECONDS))
    .sign(keyOf(options.secret));
}

/**
 * Reads a token; null when its algorithm, signature, issuer, audience, expiry or shape is not ours (API-31: 401).
 */
export async function verifyRunToken(options: {
  readonly secret: string;
  readonly token: string;
  readonly now: Date;
}): Promise<RunTokenClaims | null> {
  try {
    const { payload } = await jwtVerify(options.token, keyOf(options.secret), {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      currentDate: options.now,
      requiredClaims: ["sub", "exp", "jti"],
    });
    const { sub, company_id: companyId, adapter_type: adapterType, run_id: runId, claim_token: claimToken } = payload;
    if (!isGuid(sub) || !isGuid(companyId) || !isGuid(runId)) return null;
    if (typeof adapterType !== "string" || typeof claimToken !== "number") return null;
    return { agentId: sub, companyId, adapterType, runId, claimToken };
  } catch {
    // Every way a token can be wrong is the same to its bearer: 401 (API-31).
    return null;
  }
}
