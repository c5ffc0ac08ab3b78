/**
 * Finds out who is calling (API-20 to API-33). What must stay true: tokens are looked up by their hash and never kept or
 * logged; a revoked key stops working within the cache's few seconds in every process (API-305); a credential that is
 * given and wrong is an error, never an anonymous caller.
 */
import type { IncomingMessage } from "node:http";
import { isGuid, staleClaim, WakefleetError } from "@wakefleet/contracts";
import { verifyRunToken } from "@wakefleet/engine";
import {
  type AgentKeyOwner,
  type ApiKeyRow,
  findAgentKeyByHash,
  findApiKey,
  findApiKeyByHash,
  findRun,
  findRunTokenFacts,
  tokenHash,
  touchKey,
} from "@wakefleet/store";
import { LRUCache } from "lru-cache";
import type { ApiDeps } from "../deps.js";
import type { AgentPrincipal, BoardPrincipal, Principal } from "../principal.js";
import { assertTrustedOrigin } from "./origin.js";
import { HttpError } from "./problems.js";
import { readSessionCookie, sentSessionCookie } from "./session-cookie.js";

/** How long a looked-up key is believed, milliseconds: less than the 5 s of API-305. */
const KEY_CACHE_MS = 3_000;
const KEY_CACHE_SIZE = 10_000;
/** A key's last use is written at most this often, milliseconds (DM-83). */
const TOUCH_EVERY_MS = 60_000;

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** What a request brings along, before anything is looked up. */
export type Credential =
  | { readonly kind: "bearer"; readonly token: string; readonly id: string }
  | { readonly kind: "session"; readonly cookie: string; readonly id: string }
  | { readonly kind: "none" };

type FoundKey =
  | { readonly kind: "api"; readonly key: ApiKeyRow & { usable: boolean } }
  | { readonly kind: "agent"; readonly owner: AgentKeyOwner }
  | { readonly kind: "unknown" };

export interface Authenticator {
  /** The principal; null when there are no credentials (and no local board). Rejects with 401, 403, 409 or 429. */
  authenticate(request: { req: IncomingMessage; credential: Credential; address: string }): Promise<Principal | null>;
  /** The board principal behind a token typed into the login form, or null. Counts as an attempt (API-39). */
  openSession(request: { token: string; address: string }): Promise<BoardPrincipal | null>;
  /** Forgets cached look-ups of this process: keys were changed here. */
  forget(): void;
}

/** Reads the credential of a request. `token` is what `?token=` said, on the routes that allow it (API-29). */
export function credentialOf(req: IncomingMessage, token: string | null): Credential {
  const header = req.headers.authorization;
  if (header !== undefined) {
    const bearer = /^Bearer\s+(\S+)\s*$/i.exec(header)?.[1] ?? "";
    return { kind: "bearer", token: bearer, id: tokenHash(bearer) };
  }
  if (token !== null && token !== "") return { kind: "bearer", token, id: tokenHash(token) };
  const cookie = sentSessionCookie(req);
  return cookie === null ? { kind: "none" } : { kind: "session", cookie, id: tokenHash(cookie) };
}

function unauthenticated(): WakefleetError {
  return new WakefleetError("unauthenticated", "Unauthorized");
}

/** BY-8: the claim that an agent with a key of its own says it acts under; null when it says nothing. */
function readClaimHeader(req: IncomingMessage): number | null {
  const sent = req.headers["x-wakefleet-claim-token"] ?? req.headers["x-paperclip-claim-token"];
  if (sent === undefined || sent === "") return null;
  if (typeof sent === "string" && /^\d{1,15}$/.test(sent)) return Number(sent);
  throw new WakefleetError(
    "bad_request",
    "X-Wakefleet-Claim-Token must be the number that the run was started with (WAKEFLEET_CLAIM_TOKEN)",
  );
}

/** A board key as a principal; null for an enqueue key. */
function boardOf(key: ApiKeyRow, via: "key" | "session"): BoardPrincipal | null {
  if (key.scope === "enqueue") return null;
  return {
    kind: "board",
    via,
    scope: key.scope,
    keyId: key.id,
    companyId: key.companyId,
    userId: key.userId ?? `key:${key.id}`,
  };
}

const LOCAL_BOARD: BoardPrincipal = {
  kind: "board",
  via: "local",
  scope: "admin",
  keyId: null,
  companyId: null,
  userId: "local-board",
};

export function createAuthenticator(deps: Pick<ApiDeps, "db" | "settings" | "buckets" | "log" | "now">): Authenticator {
  const { db, settings } = deps;
  const byHash = new LRUCache<string, FoundKey>({ max: KEY_CACHE_SIZE, ttl: KEY_CACHE_MS });
  const byId = new LRUCache<string, ApiKeyRow & { usable: boolean }>({ max: KEY_CACHE_SIZE, ttl: KEY_CACHE_MS });
  const touched = new LRUCache<string, true>({ max: KEY_CACHE_SIZE, ttl: TOUCH_EVERY_MS });

  function noteUse(table: "api_keys" | "agent_api_keys", id: string): void {
    if (touched.has(id)) return;
    touched.set(id, true);
    touchKey(db.sql, { table, id }).catch((err: unknown) => {
      deps.log.warn({ err, keyId: id }, "could not note that a key was used");
    });
  }

  async function findKey(hash: string): Promise<FoundKey> {
    const cached = byHash.get(hash);
    if (cached !== undefined) return cached;
    const key = await findApiKeyByHash(db.sql, hash);
    const owner = key === null ? await findAgentKeyByHash(db.sql, hash) : null;
    const found: FoundKey =
      key !== null ? { kind: "api", key } : owner !== null ? { kind: "agent", owner } : { kind: "unknown" };
    byHash.set(hash, found);
    return found;
  }

  /** Counts a wrong credential against its address, then says 401, or 429 past the limit (API-39). */
  async function refuse(address: string): Promise<never> {
    const perMinute = settings.rateLimits.failedAuthPerMinute;
    if (perMinute > 0) {
      const answer = await deps.buckets.take({
        key: `failed-auth:${address}`,
        limit: { perSecond: perMinute / 60, burst: perMinute },
        tokens: 1,
      });
      if (!answer.allowed) throw rateLimited(answer.retryAfterSec, { perSecond: perMinute / 60, burst: perMinute });
    }
    throw unauthenticated();
  }

  async function fromBearer(token: string, hash: string): Promise<Principal | null> {
    if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return null;
    const found = await findKey(hash);
    if (found.kind === "api") {
      const { key } = found;
      // The cache may outlive the expiry by its few seconds unless the clock is asked again.
      if (!key.usable || (key.expiresAt !== null && key.expiresAt <= deps.now())) return null;
      noteUse("api_keys", key.id);
      const board = boardOf(key, "key");
      if (board !== null) return board;
      // The database's check allows no enqueue key without a company (DM-83).
      return key.companyId === null
        ? null
        : { kind: "enqueue", keyId: key.id, companyId: key.companyId, userId: `key:${key.id}` };
    }
    if (found.kind === "agent") {
      const { owner } = found;
      if (owner.agentStatus === "terminated" || owner.agentStatus === "pending_approval") return null;
      noteUse("agent_api_keys", owner.id);
      return {
        kind: "agent",
        via: "key",
        agentId: owner.agentId,
        companyId: owner.companyId,
        keyId: owner.id,
        role: owner.agentRole,
        canCreateAgents: owner.agentPermissions["canCreateAgents"] === true,
        runId: null,
        claimToken: null,
        softLimits: [],
      };
    }
    return null;
  }

  async function fromRunToken(token: string, isMutation: boolean): Promise<AgentPrincipal | null> {
    const claims = await verifyRunToken({ secret: settings.authSecret, token, now: deps.now() });
    if (claims === null) return null;
    const facts = await findRunTokenFacts(db.sql, claims.runId);
    if (facts === null || facts.agentId !== claims.agentId || facts.companyId !== claims.companyId) return null;
    if (facts.agentStatus === "terminated" || facts.agentStatus === "pending_approval") return null;
    if (facts.endedLongAgo) return null;
    if (facts.startToken !== claims.claimToken) {
      if (!isMutation) return null;
      throw staleClaim();
    }
    return {
      kind: "agent",
      via: "run_token",
      agentId: claims.agentId,
      companyId: claims.companyId,
      keyId: null,
      role: facts.agentRole,
      canCreateAgents: facts.agentPermissions["canCreateAgents"] === true,
      runId: claims.runId,
      claimToken: claims.claimToken,
      softLimits: facts.softLimits,
    };
  }

  async function fromSession(cookie: string): Promise<BoardPrincipal | null> {
    const keyId = await readSessionCookie(cookie, { secret: settings.authSecret, now: deps.now() });
    if (keyId === null) return null;
    let key = byId.get(keyId);
    if (key === undefined) {
      const found = await findApiKey(db.sql, keyId);
      if (found === null) return null;
      key = found;
      byId.set(keyId, found);
    }
    if (!key.usable || (key.expiresAt !== null && key.expiresAt <= deps.now())) return null;
    return boardOf(key, "session");
  }

  /** The run an agent says it acts in (API-30, CO-12). */
  async function withNamedRun(
    principal: AgentPrincipal,
    { req, isMutation }: { req: IncomingMessage; isMutation: boolean },
  ): Promise<AgentPrincipal> {
    const named = req.headers["x-wakefleet-run-id"] ?? req.headers["x-paperclip-run-id"];
    if (named === undefined || named === "") return principal;
    const foreign = new WakefleetError("forbidden", "Run id does not belong to this agent");
    if (!isGuid(named)) throw foreign;
    if (principal.via === "run_token") {
      if (named.toLowerCase() !== principal.runId?.toLowerCase()) throw foreign;
      return principal;
    }
    const claimToken = readClaimHeader(req);
    const run = await findRun(db.sql, named);
    if (run === null || run.agentId !== principal.agentId) throw foreign;
    if (isMutation && claimToken !== null && claimToken !== run.startToken) throw staleClaim();
    if (run.status !== "running") throw foreign;
    return { ...principal, runId: run.id, claimToken };
  }

  return {
    async authenticate({ req, credential, address }) {
      const isMutation = !SAFE_METHODS.has(req.method ?? "GET");
      if (credential.kind === "none") {
        if (settings.authMode !== "local_trusted") return null;
        if (isMutation) assertTrustedOrigin(req, { publicUrl: settings.publicUrl, required: false });
        return LOCAL_BOARD;
      }
      if (credential.kind === "session") {
        const board = await fromSession(credential.cookie);
        if (board === null) {
          // An old cookie in a browser must not stand in the way of the local board.
          if (settings.authMode === "local_trusted") return LOCAL_BOARD;
          throw unauthenticated();
        }
        if (isMutation) assertTrustedOrigin(req, { publicUrl: settings.publicUrl, required: true });
        return board;
      }
      const principal =
        (await fromBearer(credential.token, credential.id)) ?? (await fromRunToken(credential.token, isMutation));
      if (principal === null) return await refuse(address);
      return principal.kind === "agent" ? await withNamedRun(principal, { req, isMutation }) : principal;
    },
    async openSession({ token, address }) {
      const principal = await fromBearer(token, tokenHash(token));
      if (principal?.kind === "board") return { ...principal, via: "session" };
      await refuse(address).catch((error: unknown) => {
        if (error instanceof HttpError) throw error;
      });
      return null;
    },
    forget() {
      byHash.clear();
      byId.clear();
    },
  };
}

/** 429 with its headers (API-56). */
export function rateLimited(retryAfterSec: number, limit: { perSecond: number; burst: number }): HttpError {
  const windowSec = Math.max(1, Math.round(limit.burst / limit.perSecond));
  return new HttpError("rate_limited", "Too many requests", undefined, {
    "Retry-After": String(retryAfterSec),
    "RateLimit-Policy": `"default";q=${limit.burst};w=${windowSec}`,
    RateLimit: `"default";r=0;t=${retryAfterSec}`,
  });
}
