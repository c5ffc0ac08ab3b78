/** Finding an agent's queue by name (OP-20): a page without scripts, since the board lists only the busiest queues. */
import type { QueueCounts } from "@wakefleet/queue";
import type { BoardAgent } from "@wakefleet/store";
import { escapeHtml, PAGE_COLOURS } from "../http/login-page.js";
import { boardQueueName } from "./board-shelf.js";

export const FIND_PATH = "/queues/find";
export const FIND_MAX_CHARS = 120;

const BAR_STYLE = `
.wf-find { position: fixed; right: 1rem; bottom: 1rem; z-index: 50; display: flex; gap: .4rem; padding: .4rem;
  background: #1e293b; border-radius: .7rem; box-shadow: 0 2px 12px #0006; font: 13px system-ui, sans-serif; }
.wf-find input { font: inherit; width: 11rem; padding: .35rem .6rem; border: 0; border-radius: .4rem; }
.wf-find button { font: inherit; padding: .35rem .7rem; border: 0; border-radius: .4rem; background: #2dd4bf; color: #06201d; cursor: pointer; }
.wf-find :focus-visible { outline: 2px solid #93c5fd; outline-offset: 1px; }`;

/** Laid over Bull Board's page. */
export const FIND_BAR = `<style>${BAR_STYLE}</style>
<form class="wf-find" action="${FIND_PATH}" method="get" role="search">
<input name="q" type="search" aria-label="Find an agent's queue" placeholder="Find an agent's queue" maxlength="${FIND_MAX_CHARS}">
<button>Find</button></form>`;

const STYLE = `${PAGE_COLOURS}
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem 1rem; overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; }
input { flex: 1 1 14rem; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .25rem .5rem; }
table { border-collapse: collapse; width: 100%; }
th { color: var(--quiet); font-weight: 500; font-size: .85rem; }
th, td { text-align: left; padding: .45rem .6rem; }
td { border-top: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
p { color: var(--quiet); }
@media (max-width: 40rem) {
  thead { display: none; }
  table, tbody, tr { display: block; }
  tr + tr { border-top: 1px solid var(--line); }
  td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .2rem .4rem; text-align: right; }
  td::before { content: attr(data-column); color: var(--quiet); flex: none; }
}`;

export interface FoundQueue {
  readonly agent: BoardAgent;
  readonly counts: QueueCounts | undefined;
}

/** The page. `found` null: nothing was asked yet. `isMore`: there are others that were not read. */
export function findPage(page: { text: string; found: readonly FoundQueue[] | null; isMore: boolean }): string {
  const { text, found, isMore } = page;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Find a queue · Wakefleet</title><style>${STYLE}</style></head>
<body>
<p><a href="/queues">Queues</a> · <a href="/">Console</a></p>
<h1>Find an agent's queue</h1>
<form action="${FIND_PATH}" method="get" role="search">
<input name="q" type="search" aria-label="Name or id of the agent" value="${escapeHtml(text)}" placeholder="Name or id of the agent"
 maxlength="${FIND_MAX_CHARS}" required autofocus>
<button>Find</button>
</form>
${found === null ? "<p>The board lists the queues with most work; every other one is found here.</p>" : results(found, isMore)}
</body>
</html>
`;
}

type Column = readonly [name: string, kind: "text" | "number"];
const COLUMNS: readonly Column[] = [
  ["Agent", "text"],
  ["Company", "text"],
  ["Status", "text"],
  ["Running", "number"],
  ["Waiting", "number"],
  ["Delayed", "number"],
  ["Failed", "number"],
];

function results(found: readonly FoundQueue[], isMore: boolean): string {
  if (found.length === 0) return `<p role="status">No living agent has this in its name.</p>`;
  const more = isMore ? "<p>There are more; write more of the name.</p>" : "";
  const head = COLUMNS.map(([name, kind]) => `<th scope="col" class="${kind}">${name}</th>`).join("");
  return `<div class="table"><table>
<thead><tr>${head}</tr></thead>
<tbody>${found.map(row).join("\n")}</tbody></table></div>${more}`;
}

function row({ agent, counts }: FoundQueue): string {
  const link = `/queues/queue/${encodeURIComponent(boardQueueName(agent))}`;
  const figures = [counts?.active, counts?.waiting, counts?.delayed, counts?.failed];
  const cells = [
    `<a href="${escapeHtml(link)}">${escapeHtml(agent.name)}</a>`,
    escapeHtml(agent.companyName),
    escapeHtml(agent.status),
    ...figures.map((figure) => String(figure ?? "?")),
  ];
  const columns = COLUMNS.map(
    ([name, kind], index) => `<td class="${kind}" data-column="${name}">${cells[index] ?? ""}</td>`,
  );
  return `<tr>${columns.join("")}</tr>`;
}
