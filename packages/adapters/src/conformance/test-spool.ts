/** A spool in a folder of its own, for tests: its keeper is the built one, since Node runs it as it is. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createSpool, type Spool } from "../spool/spool.js";

const KEEPER = fileURLToPath(new URL("../../dist/spool/keeper-main.js", import.meta.url));

export interface TestSpool {
  readonly spool: Spool;
  readonly dir: string;
  /** As another worker of the host would open it. */
  reopen(): Spool;
  remove(): void;
}

export function createTestSpool(): TestSpool {
  const dir = mkdtempSync(path.join(tmpdir(), "wakefleet-spool-"));
  const opened: Spool[] = [];
  const open = (): Spool => {
    const spool = createSpool({ dir, env: process.env, keeperScript: KEEPER });
    opened.push(spool);
    return spool;
  };
  return {
    spool: open(),
    dir,
    reopen: open,
    remove() {
      for (const spool of opened) spool.close();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A run that has no child yet. */
export function newSpooledRun(): { readonly runId: string; readonly claimToken: number; readonly resume: boolean } {
  return { runId: randomUUID(), claimToken: 1, resume: false };
}
