/**
 * How fast the output of agent CLIs is read (AD-45): recordings are repeated to a long stream, and fed in chunks as a pipe
 * gives them. Seconds are those of one core; the heap is measured before and after.
 *
 * Run after a build: `node --expose-gc packages/adapters/bench/parse.mjs [MB] [--json]`. Exits with 1 below 50 MB/s or when
 * the memory grows with the stream; with `--json` it prints the figures for `npm run bench` and exits with 0.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";
import { parseArgs } from "node:util";
import { createClaudeParser } from "../dist/claude-local/parse-claude.js";
import { createEventReader } from "../dist/cli/event-reader.js";
import { createCodexParser } from "../dist/codex-local/parse-codex.js";
import { createGeminiParser } from "../dist/gemini-local/parse-gemini.js";
import { createOpenCodeParser } from "../dist/opencode-local/parse-opencode.js";
import { createPiParser, PI_SKIPPED_PREFIXES } from "../dist/pi-local/parse-pi.js";

const MB = 1024 * 1024;
const FLOOR_MB_PER_S = 50;
const MEMORY_GROWTH_MB = 32;
const CHUNK_BYTES = 64 * 1024;
const { values: flags, positionals } = parseArgs({
  options: { json: { type: "boolean", default: false } },
  allowPositionals: true,
});
const streamMb = Number(positionals[0] ?? 256);
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

const figures = [
  ["claude-local", createClaudeParser, { sessionKeys: ["session_id"] }],
  ["codex-local", createCodexParser, { sessionKeys: ["thread_id"] }],
  ["gemini-local", createGeminiParser, {}],
  ["opencode-local", createOpenCodeParser, { sessionKeys: ["sessionID"] }],
  ["pi-local", createPiParser, { skippedPrefixes: PI_SKIPPED_PREFIXES }],
].map(([folder, createParser, options]) => {
  const piece = pieceOf(folder);
  const reader = createEventReader(createParser(), options);
  const decoder = new StringDecoder("utf8");
  const before = heapMb();
  const start = process.cpuUsage();
  let bytes = 0;
  while (bytes < streamMb * MB) {
    for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
      reader.push(decoder.write(piece.subarray(at, at + CHUNK_BYTES)));
    }
    bytes += piece.length;
  }
  reader.end();
  // Of a core, not of the clock: what else runs on the machine says nothing of the parser.
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1_000_000;
  const mbPerSec = bytes / MB / seconds;
  const heapGrowthMb = heapMb() - before;
  const enough = mbPerSec >= FLOOR_MB_PER_S && heapGrowthMb <= MEMORY_GROWTH_MB;
  return { folder, mb: bytes / MB, mbPerSec, heapGrowthMb, floorMbPerSec: FLOOR_MB_PER_S, enough };
});

if (flags.json) console.log(JSON.stringify(figures));
else {
  for (const { folder, mb, mbPerSec, heapGrowthMb, enough } of figures) {
    console.log(
      `${folder}: ${mb.toFixed(0)} MB, ${mbPerSec.toFixed(0)} MB/s, heap ${heapGrowthMb >= 0 ? "+" : ""}${heapGrowthMb.toFixed(1)} MB` +
        (enough ? "" : `  BELOW: wanted ${FLOOR_MB_PER_S} MB/s and at most +${MEMORY_GROWTH_MB} MB`),
    );
  }
  process.exitCode = figures.every(({ enough }) => enough) ? 0 : 1;
}
