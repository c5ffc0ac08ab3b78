import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { availableMemoryShare, readHostMemory } from "./host-memory.js";
import { hasProcessTable } from "./process-table.js";

const MIB = 1024 * 1024;
const MACHINE = { "proc/meminfo": "MemTotal:       4096000 kB\nMemFree: 1 kB\nMemAvailable:   1024000 kB\n" };

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "wakefleet-host-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function files(contents: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), content);
  }
}

const second = (folder: string, max: string) => ({
  [`sys/fs/cgroup/${folder}memory.max`]: `${max}\n`,
  [`sys/fs/cgroup/${folder}memory.current`]: `${300 * MIB}\n`,
  [`sys/fs/cgroup/${folder}memory.stat`]: `anon 5\nactive_file 7\ninactive_file ${100 * MIB}\n`,
});

describe("BY-10 the memory a host still has", () => {
  it.each<[string, Record<string, string>, number]>([
    ["the machine's, without groups", {}, 0.25],
    [
      "the group's, its cache taken off",
      { "proc/self/cgroup": "0::/a.slice\n", ...second("a.slice/", `${400 * MIB}`) },
      0.5,
    ],
    [
      "a container's, whose group is the top one",
      { "proc/self/cgroup": "0::/x/y\n", ...second("", `${250 * MIB}`) },
      0.2,
    ],
    ["the machine's, where its group has no limit", { "proc/self/cgroup": "0::/\n", ...second("", "max") }, 0.25],
    [
      "an older system's group",
      {
        "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/g\n0::/\n",
        "sys/fs/cgroup/memory/g/memory.limit_in_bytes": `${200 * MIB}\n`,
        "sys/fs/cgroup/memory/g/memory.usage_in_bytes": `${190 * MIB}\n`,
        "sys/fs/cgroup/memory/g/memory.stat": `inactive_file 1\ntotal_inactive_file ${10 * MIB}\n`,
      },
      0.1,
    ],
  ])("BY-10 is %s", async (_, contents, share) => {
    files({ ...MACHINE, ...contents });
    expect(await availableMemoryShare(root)).toBeCloseTo(share, 5);
  });

  it("BY-10 a group larger than what the machine has left is bounded by that", async () => {
    files({ ...MACHINE, "proc/self/cgroup": "0::/\n", ...second("", `${3_000 * MIB}`) });
    expect(await readHostMemory(root)).toEqual({ availableBytes: 1_024_000 * 1024, totalBytes: 3_000 * MIB });
  });

  it("BY-10 a system that says nothing is not judged", async () => {
    expect(await readHostMemory(root)).toBeNull();
    expect(await availableMemoryShare(root)).toBeNull();
  });

  it.runIf(hasProcessTable)("BY-10 this host's can be read", async () => {
    expect(await availableMemoryShare()).toBeGreaterThan(0);
  });
});
