/**
 * Addresses of git repositories (WS-20, WS-28, WS-29). Pure.
 *
 * What must stay true: what is shown of an address never holds a password or token; an address that git could take for an
 * option, a command or a local file is refused unless a setting allows it.
 */

export const GIT_PROTOCOLS = ["https", "ssh", "file", "http"] as const;
export type GitProtocol = (typeof GIT_PROTOCOLS)[number];

/** `git@host:path`: no scheme, and a colon before the first slash. */
const SCP_LIKE = /^(?:[\w.-]+@)?[A-Za-z0-9][\w.-]*:(?!\/\/)(?<path>\S+)$/;

/** How git would reach it; null for what is no address of these kinds. */
export function protocolOf(url: string): GitProtocol | null {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    return URL.canParse(url) ? (GIT_PROTOCOLS.find((protocol) => protocol === scheme) ?? null) : null;
  }
  return SCP_LIKE.test(url) ? "ssh" : null;
}

/** The name a checkout gets from its address (WS-20, WS-29); null when there is none in it. */
export function repositoryName(url: string): string | null {
  const path = URL.canParse(url) && url.includes("://") ? new URL(url).pathname : SCP_LIKE.exec(url)?.groups?.["path"];
  const last = (path ?? "").replace(/\/+$/, "").split("/").at(-1) ?? "";
  const name = last.replace(/\.git$/i, "");
  return name === "" ? null : name;
}

/** The address as it may be shown: without password, and over http(s) without a user either, who is often a token. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url) || !url.includes("://")) return url.replace(/^[^\s@/]*:[^\s@/]*@/, "");
  const shown = new URL(url);
  if (shown.username === "" && shown.password === "") return url;
  shown.password = "";
  if (shown.protocol === "https:" || shown.protocol === "http:") shown.username = "";
  return shown.href;
}

/** Takes an address's credentials out of a text that git wrote about it. */
export function withoutCredentials(text: string, url: string): string {
  let clean = text.replaceAll(url, shownUrl(url));
  const userInfo = /:\/\/([^/@\s]+)@/.exec(url)?.[1];
  const parts = userInfo === undefined ? [] : [userInfo, ...userInfo.split(":").slice(1)];
  for (const part of parts) {
    for (const form of [part, decoded(part)]) if (form.length > 0) clean = clean.replaceAll(form, "***");
  }
  return clean;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray % sign: the text stands for itself.
    return text;
  }
}
