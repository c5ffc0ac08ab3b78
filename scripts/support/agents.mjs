/**
 * The agents' own command lines, in a folder that is no workspace: only who tests with them carries them.
 */
import { join } from "node:path";
import { installLocked } from "../ensure-setup.mjs";
import { ROOT } from "./run.mjs";

/** Installs them from the registry; rejects with what npm said when it cannot. */
export function installAgents() {
  return installLocked({ folder: join(ROOT, "test", "agents"), what: "the agents' command lines" });
}
