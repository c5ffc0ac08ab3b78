/** Judges a gateway's address (AD-311, AD-322). Faults are data: an address is a setting, and a run reports it. */

export type GatewayUrl =
  | {
      readonly kind: "valid";
      readonly url: URL /** Plain text to another machine (AD-320). */;
      readonly exposed: boolean;
    }
  | { readonly kind: "missing" | "invalid" | "protocol"; readonly message: string };

/** Reads an address; `text` may be empty. */
export function judgeGatewayUrl(text: string): GatewayUrl {
  if (text.trim() === "") {
    return { kind: "missing", message: "OpenClaw gateway adapter missing url" };
  }
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return { kind: "invalid", message: `Not a URL: "${text}"` };
  }
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    return { kind: "protocol", message: `The gateway's url must begin with ws:// or wss://, not "${url.protocol}//"` };
  }
  return { kind: "valid", url, exposed: url.protocol === "ws:" && !isLoopback(url.hostname) };
}

/** The address without what may be secret in it: user, password, query. */
export function shownGatewayUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
