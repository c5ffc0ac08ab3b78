/**
 * The small files a data folder keeps: secrets and remembered numbers.
 *
 * What must stay true: a secret is readable by its owner alone from its first byte on, and two starts on one folder
 * read the same one.
 */
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/**
 * The secret kept in `file`; made by `make` and written with mode 0600 when absent. Of two processes that make it at
 * once one wins and both return the winner's.
 */
export function readOrCreateSecret(file: string, make: () => string = () => randomBytes(24).toString("hex")): string {
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
    writeFileSync(draft, `${make()}\n`, { mode: 0o600 });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  const secret = readFileSync(file, "utf8").trim();
  if (secret === "") throw new Error(`The secret file ${file} is empty. Delete it to have a new secret made.`);
  return secret;
}

/** Replaces `file` in one step: readers see the old content or the new, never a part. */
export function writeFileAtomically(file: string, content: string, mode = 0o600): void {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, content, { mode });
  renameSync(draft, file);
}

/** The number kept in `file`, or null when there is none. */
export function readNumber(file: string): number | null {
  if (!existsSync(file)) return null;
  const value = Number.parseInt(readFileSync(file, "utf8"), 10);
  return Number.isInteger(value) ? value : null;
}
