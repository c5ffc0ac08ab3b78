/**
 * From one key to the next: every version that is sealed with another key than the current one is sealed anew, in small
 * transactions, and then the fleet's key is the current one.
 *
 * What must stay true: a version can be opened at every moment, whenever this is stopped; running it again goes on where
 * it was stopped; once the fleet's key has changed, nothing is left of the old one.
 */
import {
  type Database,
  lockSecretsKeyState,
  lockVersionsOfOtherKeys,
  replaceMaterial,
  type Sql,
  setSecretsKeyId,
} from "@wakefleet/store";
import type { FaultPoints } from "../ports.js";
import { openValue, type SecretsKeyring, sealValue } from "./sealed-value.js";

const DEFAULT_BATCH = 100;

/**
 * Seals everything with the keyring's current key; answers how many versions that were. The former keys must be in the
 * keyring.
 * @throws SealBrokenError for a version that none of the keys opens; what was done so far stays.
 */
export async function rotateSecretsKey(deps: {
  readonly db: Pick<Database, "transaction">;
  readonly keyring: SecretsKeyring;
  readonly faults: FaultPoints;
  readonly batch?: number;
}): Promise<number> {
  const { db, keyring, faults } = deps;
  const limit = deps.batch ?? DEFAULT_BATCH;
  let total = 0;
  for (;;) {
    const resealed = await db.transaction((tx) => resealBatch(tx, keyring, limit));
    total += resealed;
    if (resealed > 0) {
      await faults.hit("between-secret-batches");
      continue;
    }
    // Whoever writes a version holds the fleet's row: under its lock "none left" stays true until the commit.
    const left = await db.transaction(async (tx) => {
      await lockSecretsKeyState(tx);
      const more = await resealBatch(tx, keyring, limit);
      if (more < limit) await setSecretsKeyId(tx, keyring.current.id);
      total += more;
      return more === limit;
    });
    if (!left) return total;
  }
}

async function resealBatch(tx: Sql, keyring: SecretsKeyring, limit: number): Promise<number> {
  const versions = await lockVersionsOfOtherKeys(tx, { keyId: keyring.current.id, limit });
  if (versions.length === 0) return 0;
  const resealed = versions.map((row) => ({
    id: row.id,
    ...sealValue(keyring, { ...row, value: openValue(keyring, row) }),
  }));
  await replaceMaterial(tx, resealed);
  return versions.length;
}
