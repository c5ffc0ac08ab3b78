/**
 * What a claim asks of the agent's provider account, and of the caps on running runs (BY-5), inside the claim's transaction.
 *
 * What must stay true: a cap is counted while its lock is held, until the claim is committed, so that no two claims count the
 * same place; without a cap nothing is locked or counted.
 */
import { createHash } from "node:crypto";
import { type AccountKey, accountKeyOf, type CapUse, reachedCap } from "@wakefleet/domain";
import {
  type AccountFacts,
  bindAccount,
  type CapToCount,
  countUnderCap,
  type LockedAgent,
  type Sql,
  unbindAccount,
} from "@wakefleet/store";

/** How many runs may be running at once; null is no limit. */
export interface RunCapSettings {
  /** Of one provider account that has no cap of its own (`ACCOUNT_MAX_RUNS`). */
  readonly account: number | null;
  /** On one host (`HOST_MAX_RUNS`). */
  readonly host: number | null;
  /** In all (`FLEET_MAX_RUNS`). */
  readonly fleet: number | null;
  /** Runs that a limit kept waiting start within this time after it, milliseconds (`ACCOUNT_STAGGER_MS`). */
  readonly staggerMs: number;
}

/** Where nothing is configured. */
export const NO_RUN_CAPS: RunCapSettings = { account: null, host: null, fleet: null, staggerMs: 60_000 };

const FINGERPRINT_CHARS = 16;

/** Tells keys apart and gives none away. */
function fingerprint(secret: string): string {
  return createHash("sha256").update(secret).digest("hex").slice(0, FINGERPRINT_CHARS);
}

const isOf = (account: AccountFacts | null, key: AccountKey): account is AccountFacts =>
  account?.provider === key.provider && account.credential === key.credential;

/** The account that the agent's settings name now; it is bound to it where `known` is another. Hold the agent's row. */
export async function accountOf(tx: Sql, agent: LockedAgent, known: AccountFacts | null): Promise<AccountFacts | null> {
  const key = accountKeyOf(agent, fingerprint);
  if (key === null) {
    if (known !== null) await unbindAccount(tx, agent.id);
    return null;
  }
  return isOf(known, key) ? known : bindAccount(tx, { companyId: agent.companyId, agentId: agent.id, ...key });
}

/** The first cap that leaves no room for one more run of this worker; null: there is room, and it is held for this claim. */
export async function fullCap(
  tx: Sql,
  claim: { readonly caps: RunCapSettings; readonly account: AccountFacts | null; readonly workerId: string },
): Promise<CapUse | null> {
  const { caps, account, workerId } = claim;
  const asked: { readonly of: CapToCount; readonly limit: number | null }[] = [
    ...(account === null
      ? []
      : [{ of: { cap: "account", accountId: account.id } as const, limit: account.maxConcurrentRuns ?? caps.account }]),
    { of: { cap: "host", workerId }, limit: caps.host },
    { of: { cap: "fleet" }, limit: caps.fleet },
  ];
  for (const { of, limit } of asked) {
    if (limit === null) continue;
    const full = reachedCap([{ cap: of.cap, running: await countUnderCap(tx, of), limit }]);
    if (full !== null) return full;
  }
  return null;
}
