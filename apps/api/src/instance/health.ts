/** Health and readiness (API-273 to API-275). Anonymous callers learn nothing of hosts and versions. */
import type { Request } from "express";
import type { ApiDeps } from "../deps.js";
import { type Authenticator, credentialOf } from "../http/authenticate.js";
import { addressOf } from "../http/mount-routes.js";
import type { JsonAnswer } from "../http/route.js";

const ASK_TIMEOUT_MS = 3_000;

/** `ok`, or one word: nothing that answers late or not at all holds up a probe. */
async function checkOf(ask: () => Promise<string>, word: string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("timeout"), ASK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([ask(), late]);
  } catch {
    // Away is what the probe reports; the error itself is logged where it arises.
    return word;
  } finally {
    clearTimeout(timer);
  }
}

function postgresCheck(deps: ApiDeps): Promise<string> {
  return checkOf(async () => {
    await deps.db.sql.query("SELECT 1");
    return "ok";
  }, "unreachable");
}

/** API-275. */
export async function readReadiness(deps: ApiDeps, strict: boolean): Promise<JsonAnswer> {
  const [postgres, redis] = await Promise.all([
    postgresCheck(deps),
    checkOf(async () => {
      await deps.queues.ping();
      return "ok";
    }, "unreachable"),
  ]);
  const migrations = postgres === "ok" ? await checkOf(deps.migrations, "unknown") : "unknown";
  const draining = deps.lifecycle.draining ? "draining" : "ok";
  const checks = { postgres, redis, migrations, draining };
  const ready = postgres === "ok" && migrations === "ok" && draining === "ok";
  const status = !ready ? "not_ready" : redis === "ok" ? "ready" : "degraded";
  return { status: !ready || (strict && redis !== "ok") ? 503 : 200, body: { status, checks } };
}

/** API-273. Credentials that are wrong count as none here: a probe is never turned away. */
export async function readHealth(deps: ApiDeps & { authenticator: Authenticator }, req: Request): Promise<JsonAnswer> {
  if ((await postgresCheck(deps)) !== "ok") {
    return { status: 503, body: { status: "unhealthy", version: deps.version, error: "database_unreachable" } };
  }
  const credential = credentialOf(req, null);
  const caller = await deps.authenticator
    .authenticate({ req, credential, address: addressOf(req) })
    .catch((err: unknown) => {
      deps.log.debug({ err }, "health was asked with credentials that do not work");
      return null;
    });
  if (caller === null) return { status: 200, body: { status: "ok" } };
  return {
    status: 200,
    body: {
      status: "ok",
      version: deps.version,
      deploymentMode: deps.settings.authMode,
      features: { companyDeletionEnabled: false },
    },
  };
}
