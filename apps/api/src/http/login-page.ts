/** The login form: one field, no scripts, works offline. */

/** Text as HTML. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** The console's colours (apps/console/src/style.css): this page must look alike and work without that one being built. */
export const PAGE_COLOURS = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.45;
  --ground: #f4f6f8; --card: #fff; --line: #dde3ea; --text: #17202b; --quiet: #5a6675; --accent: #0f766e;
  --accent-text: #fff; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ground: #10161d; --card: #18212b; --line: #2b3846; --text: #e4ebf3;
  --quiet: #98a6b6; --accent: #2dd4bf; --accent-text: #06201d; --bad: #ff8f84; } }
body { background: var(--ground); color: var(--text); }
a { color: var(--accent); }
input, button { font: inherit; padding: 0.5rem 0.75rem; border-radius: 0.45rem; border: 1px solid var(--line); }
input { background: var(--card); color: var(--text); }
button { background: var(--accent); color: var(--accent-text); border: 0; cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }`;

const STYLE = `${PAGE_COLOURS}
body { display: grid; place-items: center; min-height: 100vh; margin: 0; }
form { display: grid; gap: 0.75rem; width: min(22rem, 90vw); padding: 1.5rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 0.6rem; box-sizing: border-box; }
h1 { font-size: 1.25rem; margin: 0; }
label { display: grid; gap: 0.25rem; }
[role=alert] { color: var(--bad); margin: 0; }
p { margin: 0; color: var(--quiet); font-size: 0.9rem; }`;

/** The page; `next` is where a successful login goes. */
export function loginPage(options: { next: string; error: string | null }): string {
  const alert = options.error === null ? "" : `<p role="alert">${escapeHtml(options.error)}</p>`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in · Wakefleet</title><style>${STYLE}</style></head>
<body>
<form method="post" action="/login">
<h1>Wakefleet</h1>
${alert}
<label>Key <input name="key" type="password" autocomplete="current-password" required autofocus></label>
<input type="hidden" name="next" value="${escapeHtml(options.next)}">
<button>Log in</button>
<p>An admin or operator key; it begins with <code>wfk_</code>.</p>
</form>
</body>
</html>
`;
}
