/**
 * The bench's plot: a bar for each figure that must reach something, as a multiple of what it must reach. It is an SVG
 * without scripts or fonts of its own, readable on light and dark pages.
 */
import type { Figure } from "./figures.js";
import { short } from "./statistics.js";

const WIDTH = 760;
const MARGIN = 16;
const TOP = 44;
const ROW = 40;
const BAR = 12;
/** Decades of the axis; what lies beyond is drawn at its end, and the text says how far it is. */
const [LEAST, MOST] = [-2, 2];

const STYLE = `text{font:12px system-ui,sans-serif;fill:#1f2328}.dim{fill:#59636e}.good{fill:#1a7f37}.bad{fill:#bc4c00}
.grid{stroke:#d1d9e0}.goal{stroke:#1f2328;stroke-width:1.5}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.dim{fill:#9198a1}.good{fill:#3fb950}.bad{fill:#db6d28}
.grid{stroke:#3d444d}.goal{stroke:#f0f6fc}}`;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Where a multiple of the goal lies, in the picture's own units. */
function place(multiple: number): number {
  const decade = Math.min(MOST, Math.max(LEAST, Math.log10(multiple)));
  return MARGIN + ((decade - LEAST) / (MOST - LEAST)) * (WIDTH - 2 * MARGIN);
}

/** The plot of the figures that have a goal; null when none has. */
export function plotOf(title: string, figures: readonly Figure[]): string | null {
  const rows = figures.flatMap((figure) => (figure.goal === undefined ? [] : [{ ...figure, goal: figure.goal }]));
  if (rows.length === 0) return null;
  const height = TOP + rows.length * ROW + MARGIN;
  const decades = Array.from({ length: MOST - LEAST + 1 }, (_, index) => LEAST + index);
  const lines = decades.flatMap((decade) => {
    const x = place(10 ** decade).toFixed(1);
    const label = decade === 0 ? "what it must reach" : `${10 ** decade} ×`;
    const anchor = decade === LEAST ? "start" : decade === MOST ? "end" : "middle";
    return [
      `<line class="${decade === 0 ? "goal" : "grid"}" x1="${x}" x2="${x}" y1="${TOP - 8}" y2="${height - MARGIN}"/>`,
      `<text class="dim" x="${x}" y="${TOP - 14}" text-anchor="${anchor}">${label}</text>`,
    ];
  });
  const bars = rows.flatMap(({ name, value, unit, goal }, index) => {
    const y = TOP + index * ROW;
    const [from, to] = [place(1), place(goal.reached)].sort((a, b) => a - b) as [number, number];
    const said = `${name}: ${short(value)} ${unit} (${goal.text})`;
    return [
      `<text x="${MARGIN}" y="${y + 12}">${escaped(said)}</text>`,
      `<rect class="${goal.reached >= 1 ? "good" : "bad"}" x="${from.toFixed(1)}" y="${y + 18}" ` +
        `width="${Math.max(2, to - from).toFixed(1)}" height="${BAR}" rx="2"/>`,
    ];
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    ...lines,
    ...bars,
    "</svg>",
  ].join("\n")}\n`;
}
