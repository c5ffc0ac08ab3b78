/**
 * The directory the service keeps for a project's repository (WS-20 to WS-29): made, or cloned once.
 *
 * What must stay true: a clone appears under its name when it is whole, and not before, so nobody ever works in half a
 * checkout and a killed clone leaves nothing that could be taken for one; one clone a directory at a time on this host;
 * two repositories never share a directory; no credentials in what is told.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import { protocolOf, repositoryName, shownUrl, withoutCredentials } from "@wakefleet/domain";
import lockfile from "proper-lockfile";
import { type GitSettings, git } from "./git.js";
import { type InstanceLocation, managedProjectPath } from "./instance-paths.js";

/** WS-24. */
const CLONE_TIMEOUT_MS = 10 * 60_000;
const READ_TIMEOUT_MS = 10_000;
/** A lock whose holder has not touched it for so long is a dead one's. */
const LOCK_STALE_MS = 10_000;
const LOCK_LOOK_EVERY_MS = 250;
const UNFINISHED = ".cloning-";

export interface ManagedDirectoryRequest {
  readonly location: InstanceLocation;
  readonly git: GitSettings;
  readonly companyId: string;
  readonly projectId: string;
  /** Null: a directory without a repository. */
  readonly repoUrl: string | null;
}

export interface ManagedDirectory {
  readonly path: string;
  readonly warning: string | null;
}

/**
 * Makes the directory ready; cloning may take minutes.
 * @throws Error `Failed to prepare managed checkout for "URL" at "DIR": REASON` (WS-26), without credentials.
 */
export async function ensureManagedDirectory(request: ManagedDirectoryRequest): Promise<ManagedDirectory> {
  const { repoUrl } = request;
  if (repoUrl === null) {
    const directory = managedProjectPath(request.location, { ...request, repoName: null });
    await mkdir(directory, { recursive: true });
    return { path: directory, warning: null };
  }
  const name = repositoryName(repoUrl);
  const plain = managedProjectPath(request.location, { ...request, repoName: name });
  try {
    assertAllowed(repoUrl, request.git);
    if (!(await isAnothersCheckout(plain, request))) return await ensureCheckout(plain, request);
    const suffix = createHash("sha256").update(shownUrl(repoUrl)).digest("hex").slice(0, 10);
    const own = managedProjectPath(request.location, { ...request, repoName: `${name ?? "_default"}-${suffix}` });
    return await ensureCheckout(own, request);
  } catch (cause) {
    const reason = withoutCredentials(cause instanceof Error ? cause.message : String(cause), repoUrl);
    throw new Error(`Failed to prepare managed checkout for "${shownUrl(repoUrl)}" at "${plain}": ${reason}`);
  }
}

/** WS-28. */
function assertAllowed(repoUrl: string, { protocols }: GitSettings): void {
  const protocol = protocolOf(repoUrl);
  if (protocol !== null && protocols.includes(protocol)) return;
  throw new Error(
    `only ${protocols.join(", ")} addresses and git@host:path are cloned here (WORKSPACE_GIT_PROTOCOLS allows others)`,
  );
}

/** WS-29: true for a checkout whose `origin` is another repository. One without an origin was put there on purpose. */
async function isAnothersCheckout(directory: string, request: ManagedDirectoryRequest): Promise<boolean> {
  if (!(await isDirectory(path.join(directory, ".git")))) return false;
  const origin = await git(["config", "--get", "--local", "remote.origin.url"], {
    settings: request.git,
    cwd: directory,
    timeoutMs: READ_TIMEOUT_MS,
  }).catch(() => ""); // Git fails where there is no origin.
  return origin.trim() !== "" && shownUrl(origin.trim()) !== shownUrl(request.repoUrl ?? "");
}

async function ensureCheckout(directory: string, request: ManagedDirectoryRequest): Promise<ManagedDirectory> {
  const found = await asItIs(directory);
  if (found !== null) return found;
  const parent = path.dirname(directory);
  await mkdir(parent, { recursive: true });
  const release = await lockfile.lock(directory, {
    realpath: false,
    lockfilePath: `${directory}.lock`,
    stale: LOCK_STALE_MS,
    retries: {
      forever: true,
      factor: 1,
      minTimeout: LOCK_LOOK_EVERY_MS,
      maxTimeout: LOCK_LOOK_EVERY_MS,
      maxRetryTime: CLONE_TIMEOUT_MS,
    },
    // A process that stood still for too long loses the lock; the rename still lets one clone win.
    onCompromised: () => undefined,
  });
  try {
    return (await asItIs(directory)) ?? (await clone(directory, request));
  } finally {
    // A lock that was lost is not ours to release.
    await release().catch(() => undefined);
  }
}

/** WS-22, WS-23; null when there is nothing yet. */
async function asItIs(directory: string): Promise<ManagedDirectory | null> {
  if (await isDirectory(path.join(directory, ".git"))) return { path: directory, warning: null };
  const entries = await readdir(directory).catch(() => [] as string[]);
  if (entries.length === 0) return null;
  return {
    path: directory,
    warning: `Managed workspace path "${directory}" already exists but is not a git checkout. Using it as-is.`,
  };
}

/** Under the lock: whatever an earlier clone of this directory left is a dead one's. */
async function clone(directory: string, request: ManagedDirectoryRequest): Promise<ManagedDirectory> {
  const parent = path.dirname(directory);
  const prefix = `.${path.basename(directory)}${UNFINISHED}`;
  const left = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  await Promise.all(left.map((name) => rm(path.join(parent, name), { recursive: true, force: true })));
  const unfinished = path.join(parent, `${prefix}${randomUUID()}`);
  try {
    await git(["clone", "--quiet", "--", request.repoUrl ?? "", unfinished], {
      settings: request.git,
      cwd: parent,
      timeoutMs: CLONE_TIMEOUT_MS,
    });
    // An empty directory gives way; one that another process filled meanwhile stays, and is the checkout.
    await rmdir(directory).catch(() => undefined);
    await rename(unfinished, directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return (await asItIs(directory)) ?? { path: directory, warning: null };
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Missing, not allowed, or below a file: all the same to whoever wants to work there. */
export async function isDirectory(directory: string): Promise<boolean> {
  return await stat(directory).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
