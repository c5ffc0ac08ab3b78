/**
 * Codex's own folder for the agents of a company (AD-143): made once, with the login of the worker's user linked in, so
 * that threads and settings of agents and people do not mix.
 *
 * What must stay true: a file that is there is never overwritten; runs that begin at the same time do each other no harm.
 */

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, readFile, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import path from "node:path";
import { asJsonObject, nonEmptyString } from "@wakefleet/contracts";

const LOGIN_FILE = "auth.json";
/** Copied once: agents may get settings of their own. */
const COPIED_FILES = ["config.json", "config.toml", "instructions.md"];

/** The folder of the worker's user: `CODEX_HOME`, else `~/.codex`. */
export function sharedCodexHome(workerEnv: Readonly<Record<string, string | undefined>>, userHome: string): string {
  return path.resolve(nonEmptyString(workerEnv["CODEX_HOME"])?.trim() ?? path.join(userHome, ".codex"));
}

/** Makes `managed` and brings over what is missing from `shared`. @throws Error when the folder cannot be made. */
export async function seedCodexHome(homes: { readonly managed: string; readonly shared: string }): Promise<void> {
  const { managed, shared } = homes;
  await mkdir(managed, { recursive: true, mode: 0o700 });
  if (managed === shared) return;
  await linkLogin(path.join(shared, LOGIN_FILE), path.join(managed, LOGIN_FILE));
  for (const name of COPIED_FILES) await copyIfAbsent(path.join(shared, name), path.join(managed, name));
}

/** What `auth.json` says about who is logged in; null when there is none that can be read. */
export async function readCodexLogin(codexHome: string): Promise<{ readonly email: string | null } | null> {
  try {
    const login = asJsonObject(JSON.parse(await readFile(path.join(codexHome, LOGIN_FILE), "utf8")));
    return { email: emailOf(nonEmptyString(asJsonObject(login["tokens"])["id_token"])) };
  } catch {
    // Missing, unreadable or not JSON: there is no login to use.
    return null;
  }
}

/** The claim of an unverified token: for display only. */
function emailOf(token: string | null): string | null {
  const payload = token?.split(".")[1];
  if (payload === undefined) return null;
  try {
    return nonEmptyString(asJsonObject(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")))["email"]);
  } catch {
    // A token of another kind tells no address.
    return null;
  }
}

/** A link to another place is corrected, a real file is left. The link is made even before anyone logged in. */
async function linkLogin(source: string, link: string): Promise<void> {
  const found = await lstat(link).catch(ignoreMissing);
  if (found === null) {
    await symlink(source, link).catch(ignoreExisting);
    return;
  }
  if (!found.isSymbolicLink() || path.resolve(path.dirname(link), await readlink(link)) === source) return;
  const temporary = `${link}.${randomUUID()}`;
  try {
    await symlink(source, temporary);
    await rename(temporary, link);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function copyIfAbsent(source: string, target: string): Promise<void> {
  if ((await stat(source).catch(ignoreMissing)) === null) return;
  await copyFile(source, target, constants.COPYFILE_EXCL).catch(ignoreExisting);
}

function ignoreMissing(error: unknown): null {
  if (codeOf(error) === "ENOENT") return null;
  throw error;
}

function ignoreExisting(error: unknown): void {
  if (codeOf(error) !== "EEXIST") throw error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
