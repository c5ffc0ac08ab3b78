/** Makes an agent's own directory (WS-2). */
import { mkdir } from "node:fs/promises";
import { agentHomePath, type InstanceLocation } from "./instance-paths.js";

/**
 * Makes the agent home with its parents, if it is missing, and returns its path.
 * @throws Error when the id is not usable as a folder name or the directory cannot be made.
 */
export async function ensureAgentHome(location: InstanceLocation, agentId: string): Promise<string> {
  const home = agentHomePath(location, agentId);
  try {
    await mkdir(home, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Could not make the agent home "${home}": ${reason}. Check WAKEFLEET_HOME and its permissions.`, {
      cause,
    });
  }
  return home;
}
