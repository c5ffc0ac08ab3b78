/** A writer in another process is followed, killed in the middle of its work, and taken over (PL-3, LG-7). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLocalRunLogStore } from "./local-run-log-store.js";

const PROGRAM = fileURLToPath(new URL("../../test/writer-process.mjs", import.meta.url));
const RUN = { companyId: "c-1", agentId: "a-1", runId: "r-1" };
const REF = "c-1/a-1/r-1.ndjson";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "run-logs-crash-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it.each([50, 400, 3_000])(
  "PL-3, LG-7 after SIGKILL at chunk %i nothing that was followed is lost, doubled or damaged",
  async (at) => {
    const store = createLocalRunLogStore({ dir });
    const child = spawn(process.execPath, [PROGRAM, dir], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    try {
      await once(child.stdout, "data");
      const stop = new AbortController();
      let ended = false;
      const numbers: number[] = [];
      const following = (async () => {
        const tail = store.tail({ ref: REF, offset: 0, signal: stop.signal, isEnded: () => ended, pollMs: 5 });
        for await (const line of tail) {
          if (line.stream === "system") continue;
          numbers.push(Number(/chunk (\d+)$/.exec(line.chunk)?.[1]));
          if (numbers.length === at) child.kill("SIGKILL");
        }
      })();
      await exited;

      const heir = await store.openRunLog({ ...RUN, maxBytes: 2_000_000, adopt: true });
      const taken = heir.progress().seq;
      const appended = await heir.append("stdout", `chunk ${taken + 1}`);
      expect(appended.seq).toBe(taken + 1);
      await heir.close();
      ended = true;
      await following;

      // A torn chunk is kept as far as it was written and has lost its number; a follower that was overtaken skips.
      const known = numbers.filter((number) => !Number.isNaN(number));
      expect(known.every((number, index) => number > (known[index - 1] ?? 0))).toBe(true);
      expect(numbers.length - known.length).toBeLessThanOrEqual(1);
      expect(known.at(-1)).toBe(taken + 1);
      for (const line of (await readFile(join(dir, REF), "utf8")).trimEnd().split("\n")) JSON.parse(line);
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
  },
);
