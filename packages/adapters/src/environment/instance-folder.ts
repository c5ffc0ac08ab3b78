/**
 * Where adapters keep files that outlive a run (AD-112, AD-143): the company's folder under the installation's root.
 *
 * What must stay true: no id from outside can lead out of the root.
 */
import { homedir } from "node:os";
import path from "node:path";
import { nonEmptyString } from "@wakefleet/contracts";
import type { EnvironmentSource } from "./inherited.js";

/** `<home>/instances/<instance>/companies/<companyId>`. @throws Error for an instance id that is no folder name. */
export function companyFolder(workerEnv: EnvironmentSource, companyId: string): string {
  return path.join(serviceHome(workerEnv), "instances", instanceId(workerEnv), "companies", folderName(companyId));
}

/** `WAKEFLEET_HOME` or its alias made absolute, else `~/.wakefleet`. */
function serviceHome(workerEnv: EnvironmentSource): string {
  const configured = (
    nonEmptyString(workerEnv["WAKEFLEET_HOME"]) ?? nonEmptyString(workerEnv["PAPERCLIP_HOME"])
  )?.trim();
  if (configured === undefined) return path.join(homedir(), ".wakefleet");
  return configured === "~" || configured.startsWith("~/")
    ? path.join(homedir(), configured.slice(1))
    : path.resolve(configured);
}

function instanceId(workerEnv: EnvironmentSource): string {
  const configured =
    nonEmptyString(workerEnv["WAKEFLEET_INSTANCE_ID"]) ?? nonEmptyString(workerEnv["PAPERCLIP_INSTANCE_ID"]);
  const id = configured?.trim() ?? "default";
  if (!/^[\w-]+$/.test(id)) throw new Error(`Invalid WAKEFLEET_INSTANCE_ID '${id}'. Use letters, digits, _ and -.`);
  return id;
}

function folderName(text: string): string {
  const name = text.replaceAll(/[^\w.-]+/g, "-");
  return name === "" || /^\.+$/.test(name) ? "company" : name;
}
