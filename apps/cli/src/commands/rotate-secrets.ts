/** `wakefleet secrets rotate`: from the fleet's former key to the one that SECRETS_KEY names now. */
import { createFaultPoints, loadEnvironment, readConfig } from "@wakefleet/config";
import { createSecretsAccess, rotateSecretsKey } from "@wakefleet/engine";
import { openDatabase } from "@wakefleet/store";
import { say } from "../terminal.js";

/**
 * Encrypts every secret anew with the current key; running it again after it was stopped goes on. Answers 0.
 * @throws ConfigError, SecretsKeyError when neither key is the fleet's, SealBrokenError for what no key opens.
 */
export async function rotateSecrets(): Promise<number> {
  const config = readConfig(loadEnvironment());
  const db = openDatabase({ url: config.databaseUrl, maxConnections: 2, applicationName: "wakefleet-cli" });
  try {
    const keyring = await createSecretsAccess({ db, settings: config }).keyring();
    const count = await rotateSecretsKey({ db, keyring, faults: createFaultPoints(config.faults) });
    say(
      count === 0
        ? "Every secret is encrypted with the current key. SECRETS_PREVIOUS_KEYS may go."
        : `Encrypted ${count} ${count === 1 ? "version" : "versions"} of secrets anew. SECRETS_PREVIOUS_KEYS may go once every process has the new key.`,
    );
    return 0;
  } finally {
    await db.close();
  }
}
