/**
 * How fast the output of agent CLIs is read (AD-45): recordings are repeated to a long stream with long lines between, and
 * fed in chunks as a pipe gives them. One core; the heap is measured before and after.
 *
 * Run after a build: `node --expose-gc packages/adapters/bench/parse.mjs [MB]`. Exits with 1 below 50 MB/s or when the
 * memory grows with the stream.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";
import { createClaudeParser } from "../dist/claude-local/parse-claude.js";
import { createEventReader } from "../dist/cli/event-reader.js";
import { createCodexParser } from "../dist/codex-local/parse-codex.js";

const MB = 1024 * 1024;
const FLOOR_MB_PER_S = 50;
const MEMORY_GROWTH_MB = 32;
const CHUNK_BYTES = 64 * 1024;
const streamMb = Number(process.argv[2] ?? 256);
const source = path.join(import.meta.dirname, "..", "src");

/** The recordings of a CLI in one piece of about a MB, whole lines only. */
function pieceOf(folder) {
  const directory = path.join(source, folder, "fixtures");
  const lines = readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(path.join(directory, name), "utf8").split("\n"))
    .filter((line) => line !== "");
  let text = "";
  while (text.length < MB) text += `${lines.join("\n")}\n`;
  return Buffer.from(text);
}

function heapMb() {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / MB;
}

let good = true;
for (const [folder, createParser, sessionKeys] of [
  ["claude-local", createClaudeParser, ["session_id"]],
  ["codex-local", createCodexParser, ["thread_id"]],
]) {
  const piece = pieceOf(folder);
  const parser = createParser();
  const reader = createEventReader(parser, { sessionKeys });
  const decoder = new StringDecoder("utf8");
  const before = heapMb();
  const start = performance.now();
  let bytes = 0;
  while (bytes < streamMb * MB) {
    for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
      reader.push(decoder.write(piece.subarray(at, at + CHUNK_BYTES)));
    }
    bytes += piece.length;
  }
  reader.end();
  const seconds = (performance.now() - start) / 1000;
  const rate = bytes / MB / seconds;
  const growth = heapMb() - before;
  const enough = rate >= FLOOR_MB_PER_S && growth <= MEMORY_GROWTH_MB;
  good &&= enough;
  console.log(
    `${folder}: ${(bytes / MB).toFixed(0)} MB, ${rate.toFixed(0)} MB/s, heap ${growth >= 0 ? "+" : ""}${growth.toFixed(1)} MB` +
      (enough ? "" : `  BELOW: wanted ${FLOOR_MB_PER_S} MB/s and at most +${MEMORY_GROWTH_MB} MB`),
  );
}
process.exitCode = good ? 0 : 1;
