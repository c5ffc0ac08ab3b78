/**
 * A configuration folder for one run in which OpenCode asks for no permission outside of its directory (AD-232): there is
 * nobody to answer. The user's own folder is copied, never changed, and nothing is written into the workspace.
 */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { asJsonObject, isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { makeRunFolder } from "../cli/run-folder.js";

export interface PermissiveConfig {
  /** For `XDG_CONFIG_HOME`. */
  readonly directory: string;
  /** What was left out, for the run's log. */
  readonly warnings: readonly string[];
  remove(): Promise<void>;
}

/** Copies the folder the environment names and merges the permission in. */
export async function createPermissiveConfig(
  runId: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<PermissiveConfig> {
  const directory = await makeRunFolder({ runId, purpose: "opencode" });
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const target = path.join(directory, "opencode");
    await copyIfPresent(path.join(configHome(env), "opencode"), target);
    await mkdir(target, { recursive: true });
    const warnings = await allowExternalDirectories(path.join(target, "opencode.json"));
    return { directory, warnings, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function configHome(env: Readonly<Record<string, string | undefined>>): string {
  return nonEmptyString(env["XDG_CONFIG_HOME"]) ?? path.join(nonEmptyString(env["HOME"]) ?? homedir(), ".config");
}

async function copyIfPresent(source: string, target: string): Promise<void> {
  try {
    // Plugins installed there may be links, and may be many: links stay links.
    await cp(source, target, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !file.includes("node_modules"),
    });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function allowExternalDirectories(file: string): Promise<string[]> {
  const { config, warnings } = await readConfig(file);
  const permission = isJsonObject(config["permission"]) ? config["permission"] : {};
  const merged = { ...config, permission: { ...permission, external_directory: "allow" } };
  await writeFile(file, `${JSON.stringify(merged, null, 2)}\n`, { mode: 0o600 });
  return warnings;
}

async function readConfig(file: string): Promise<{ readonly config: JsonObject; readonly warnings: string[] }> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return { config: {}, warnings: [] };
    throw error;
  }
  try {
    return { config: asJsonObject(JSON.parse(text)), warnings: [] };
  } catch {
    // With comments, or broken: OpenCode may read it, we cannot merge into it.
    return { config: {}, warnings: ["the user's opencode.json is not plain JSON and is not used in this run"] };
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}
