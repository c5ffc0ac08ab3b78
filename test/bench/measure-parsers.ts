/** How fast the output of agents' command lines is read, and that a long stream takes no memory (AD-45, BY-6). */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Figure } from "./figures.js";

/** A process of its own, so that nothing else is on the heap; it also says what each figure must reach. */
const PARSE_BENCH = fileURLToPath(new URL("../../packages/adapters/bench/parse.mjs", import.meta.url));

interface ParserFigure {
  readonly folder: string;
  readonly mbPerSec: number;
  readonly heapGrowthMb: number;
  readonly floorMbPerSec: number;
  readonly enough: boolean;
}

/** Reads `streamMb` MB with each parser. */
export async function parserFigures(streamMb: number): Promise<Figure[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    PARSE_BENCH,
    String(streamMb),
    "--json",
  ]);
  // Written by our own program just now.
  const measured = JSON.parse(stdout) as readonly ParserFigure[];
  return measured.map(({ folder, mbPerSec, heapGrowthMb, floorMbPerSec, enough }) => ({
    name: `output of ${folder.replace("-", "_")} read, heap ${heapGrowthMb >= 0 ? "+" : ""}${heapGrowthMb.toFixed(1)} MB`,
    value: mbPerSec,
    unit: "MB/s",
    goal: {
      text: `≥ ${floorMbPerSec} MB/s, constant memory`,
      // Fast enough and still not enough: it grows.
      reached: enough ? mbPerSec / floorMbPerSec : Math.min(mbPerSec / floorMbPerSec, 0.99),
    },
  }));
}
