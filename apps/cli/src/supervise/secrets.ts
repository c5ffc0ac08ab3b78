/** The fleet's own secrets: those the configuration gives, else ones made on the first start and kept (OP-11). */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readOrCreateSecret } from "@wakefleet/local-stores";
import type { DataFolder } from "./data-folder.js";

export interface FleetSecrets {
  readonly authSecret: string;
  readonly secretsKey: string;
}

/** Files of mode 0600 in the data folder hold what was made. */
export function fleetSecrets(
  folder: DataFolder,
  given: { authSecret: string | null; secretsKey: string | null },
): FleetSecrets {
  const make = (): string => randomBytes(32).toString("hex");
  return {
    authSecret: given.authSecret ?? readOrCreateSecret(join(folder.secrets, "auth-secret"), make),
    secretsKey: given.secretsKey ?? readOrCreateSecret(join(folder.secrets, "secrets-key"), make),
  };
}
