import type { FileHandle } from "node:fs/promises";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { emptyLogFile, LogFileWriter, openForAppending } from "./log-file-writer.js";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "run-logs-full-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it("LG-8 a write that fails half-way leaves no part of a line, and the next one is taken", async () => {
  const path = join(dir, "log.ndjson");
  const handle = await openForAppending(path);
  let diskIsFull = false;
  const full = new Proxy(handle, {
    get(target, name) {
      if (name !== "write") {
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      }
      return async (bytes: Buffer, offset: number, length: number, position: null) => {
        if (!diskIsFull) return target.write(bytes, offset, length, position);
        await target.write(bytes, offset, Math.floor(length / 2), position);
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      };
    },
  }) as FileHandle;
  const now = () => new Date(0);
  const writer = new LogFileWriter({ path, handle: full, maxBytes: 1_000_000, state: emptyLogFile(), now });
  await writer.write(Buffer.from("one\n"), 1);
  diskIsFull = true;
  await expect(writer.write(Buffer.from("two, which is lost\n"), 1)).rejects.toThrow(/no space left/);
  diskIsFull = false;
  await writer.write(Buffer.from("three\n"), 1);
  expect([writer.seq, writer.size]).toEqual([2, 10]);
  await writer.close();
  expect(await readFile(path, "utf8")).toBe("one\nthree\n");
});
