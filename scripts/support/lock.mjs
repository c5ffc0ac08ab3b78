/**
 * Lets one script at a time install and build in a checkout: two that were started together would delete each other's
 * node_modules. Imports nothing that has to be installed.
 */
import { accessSync, constants, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ROOT } from "./run.mjs";
import { say } from "./say.mjs";

const LOCK = join(ROOT, ".data", "setup.lock");

/** Runs `work` while no other script of this checkout does the same; a lock whose process is gone does not count. */
export async function withSetupLock(work) {
  if (!canLock()) return work();
  let told = false;
  while (!take()) {
    const holder = holderOf();
    if (holder !== null && !isAlive(holder)) {
      // Whoever renames it has removed it; the others find it gone.
      const dead = `${LOCK}.${process.pid}`;
      try {
        renameSync(LOCK, dead);
        rmSync(dead);
      } catch (error) {
        if (error.code !== "ENOENT") throw error;
      }
      continue;
    }
    if (!told) say(`Waiting for the set-up that process ${holder ?? "?"} is doing …`);
    told = true;
    await delay(200);
  }
  try {
    return await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

/** False in a checkout that belongs to somebody else: there is nothing we could install or build in it either. */
function canLock() {
  try {
    mkdirSync(dirname(LOCK), { recursive: true });
    accessSync(dirname(LOCK), constants.W_OK);
    return true;
  } catch (error) {
    if (["EACCES", "EPERM", "EROFS"].includes(error.code)) return false;
    throw error;
  }
}

function take() {
  const draft = `${LOCK}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    linkSync(draft, LOCK);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function holderOf() {
  try {
    return Number(readFileSync(LOCK, "utf8")) || null;
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
