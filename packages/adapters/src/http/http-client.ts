/**
 * The one place that sends requests for the `http` adapter.
 *
 * Not Node's built-in `fetch`: that one gives up after 300 s without an answer, whatever the caller says, and an agent
 * behind a webhook may think longer than that (AD-85: `timeoutMs` 0 = none). It is read once the first request is sent:
 * it costs a process 5 MB, and most fleets wake no agent this way.
 */
import type { RequestInit, Response } from "undici";

type Fetch = (url: URL, init: Omit<RequestInit, "dispatcher">) => Promise<Response>;

let patientFetch: Promise<Fetch> | null = null;

/** Its connections are shared, so that they are reused; idle ones do not keep the process alive. */
async function loadPatientFetch(): Promise<Fetch> {
  const { Agent, fetch } = await import("undici");
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return (url, init) => fetch(url, { ...init, dispatcher });
}

export type HttpResponse = Response;

/** Sends one request; ends only by an answer, a network failure or `init.signal`. */
export async function send(url: URL, init: Omit<RequestInit, "dispatcher">): Promise<HttpResponse> {
  patientFetch ??= loadPatientFetch();
  return await (await patientFetch)(url, init);
}

/** Frees the connection of an answer nobody wants to read (AD-87). */
export async function discardBody(response: HttpResponse): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // The connection broke or was aborted: it is free either way.
  }
}

/**
 * The body as text, null when it is longer than `maxBytes` bytes; the connection is free afterwards.
 * @throws when the connection breaks or the request's signal is aborted.
 */
export async function readBody(response: HttpResponse, maxBytes: number): Promise<string | null> {
  if (response.body === null) return "";
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body as AsyncIterable<Uint8Array>) {
    length += part.byteLength;
    // Leaving the loop cancels the body.
    if (length > maxBytes) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
