/** The bench's table, for a terminal and for docs/performance.md. */
import { cpus, loadavg, totalmem } from "node:os";
import { type Figure, ratioOf } from "./figures.js";
import { short } from "./statistics.js";

const HEAD = ["figure", "measured", "baseline of the same run", "ratio", "must reach"] as const;

function cells(figure: Figure): string[] {
  const ratio = ratioOf(figure);
  return [
    figure.name,
    `${short(figure.value)} ${figure.unit}`,
    figure.baseline === undefined ? "–" : `${short(figure.baseline.value)} ${figure.unit} (${figure.baseline.name})`,
    ratio === null ? "–" : `${short(ratio)} ×`,
    figure.goal === undefined
      ? "written down"
      : `${figure.goal.text}: ${figure.goal.reached >= 1 ? "reached" : "MISSED"}`,
  ];
}

/** Aligned columns for a terminal. */
export function terminalTable(figures: readonly Figure[]): string {
  const rows = [[...HEAD], ...figures.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A Markdown table. */
export function markdownTable(figures: readonly Figure[]): string {
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  return [line(HEAD), line(HEAD.map(() => "---")), ...figures.map((figure) => line(cells(figure)))].join("\n");
}

/** What the figures are measured on, and how busy that is with other things before they are. */
export function machine(versions: { postgres: string; redis: string }): string {
  const load = loadavg()[0]?.toFixed(1) ?? "?";
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  return (
    `${cpus().length} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node.js ${process.versions.node}, ` +
    `PostgreSQL ${versions.postgres}, Redis ${versions.redis}, all on one machine, whose load was ${load} before`
  );
}
