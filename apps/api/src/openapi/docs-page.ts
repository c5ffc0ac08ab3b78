/** `/docs` (API-302): the routes and every problem code on one page, without scripts, so it works offline. */
import { ERRORS, type ErrorCode } from "@wakefleet/contracts";
import { escapeHtml } from "../http/login-page.js";
import type { Route } from "../http/route.js";
import { openApiPath } from "./document.js";

const STYLE = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre { padding: 0.75rem; border-radius: 0.5rem; background: #8881; overflow-x: auto; }
details { border-top: 1px solid #8883; padding: 0.4rem 0; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; text-transform: uppercase; }
section { margin: 2rem 0; }
dt { font-weight: 600; margin-top: 1rem; }
dt:target { background: #facc1544; }
nav a { margin-right: 1rem; }`;

function routeSection(route: Route): string {
  const example =
    route.example?.request === undefined
      ? ""
      : `<p>Example body:</p><pre>${escapeHtml(JSON.stringify(route.example.request, null, 2))}</pre>`;
  const answers = Object.entries(route.responses)
    .map(([status, declared]) => `<li><code>${status}</code> ${escapeHtml(declared.description)}</li>`)
    .join("");
  const errors = route.errors.map((code) => `<a href="#${code}"><code>${code}</code></a>`).join(" ");
  return `<details><summary><b>${route.method}</b> <code>${escapeHtml(openApiPath(route.path))}</code> ${escapeHtml(route.summary)}</summary>
<p>Who: ${escapeHtml(route.who)}. Rule ${escapeHtml(route.rule)}.</p><ul>${answers}</ul>${example}${errors === "" ? "" : `<p>Errors: ${errors}</p>`}</details>`;
}

function problemEntry(code: ErrorCode): string {
  const { status, title, hint } = ERRORS[code];
  return `<dt id="${code}"><code>${code}</code> · ${status} ${escapeHtml(title)}</dt><dd>${escapeHtml(hint)}</dd>`;
}

/** The whole page. */
export function docsPage(routes: readonly Route[], version: string): string {
  const tags = [...new Set(routes.map((route) => route.tag))];
  const sections = tags
    .map((tag) => {
      const own = routes.filter((route) => route.tag === tag).map(routeSection);
      return `<section id="tag-${tag}"><h2>${escapeHtml(tag)}</h2>${own.join("\n")}</section>`;
    })
    .join("\n");
  const problems = (Object.keys(ERRORS) as ErrorCode[]).map(problemEntry).join("\n");
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Wakefleet</title><style>${STYLE}</style></head>
<body>
<h1>Wakefleet ${escapeHtml(version)}</h1>
<p>The same as a document for machines: <a href="/openapi.json">/openapi.json</a>.
Authenticate with <code>Authorization: Bearer KEY</code>, or log in at <a href="/login">/login</a>.</p>
<nav>${tags.map((tag) => `<a href="#tag-${tag}">${escapeHtml(tag)}</a>`).join("")}<a href="#problems">problems</a></nav>
${sections}
<section id="problems"><h2>Problems</h2>
<p>Every error has <code>error</code>, <code>code</code>, <code>status</code> and <code>requestId</code>; these are the codes.</p>
<dl>
${problems}
</dl></section>
</body>
</html>
`;
}
