/**
 * The agents' own command lines, in folders that are no workspaces: only who tests with them carries them. Those that
 * continuous integration runs stand apart from the rest, which is a gigabyte.
 */
import { join } from "node:path";
import { installLocked } from "../ensure-setup.mjs";
import { ROOT } from "./run.mjs";

const FOLDER = join(ROOT, "test", "agents");

/** The agents whose command lines continuous integration runs, as `TEST_AGENTS` names them. */
export const AGENTS_IN_CI = "claude,codex";

/** Installs those of {@link AGENTS_IN_CI} from the registry; rejects with what npm said when it cannot. */
export function installAgentsOfCi() {
  return installLocked({ folder: FOLDER, what: "the command lines of Claude Code and Codex" });
}

/** Installs all of them; rejects with what npm said when it cannot. */
export async function installAgents() {
  await installAgentsOfCi();
  await installLocked({ folder: join(FOLDER, "more"), what: "the other agents' command lines" });
}
