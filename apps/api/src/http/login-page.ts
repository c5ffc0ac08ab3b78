/** The login form: one field, no scripts, works offline. */

/** Text as HTML. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

const STYLE = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 100vh; margin: 0; }
form { display: grid; gap: 0.75rem; width: min(22rem, 90vw); }
h1 { font-size: 1.25rem; margin: 0; }
label { display: grid; gap: 0.25rem; }
input, button { font: inherit; padding: 0.5rem 0.75rem; border-radius: 0.5rem; border: 1px solid #8888; }
button { background: #2563eb; color: white; border: 0; cursor: pointer; }
[role=alert] { color: #b91c1c; margin: 0; }
p { margin: 0; opacity: 0.8; font-size: 0.9rem; }`;

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
