/** How one provider's API is spoken: what the fake model API needs to know of it, and nothing that a CLI never asks. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { JsonObject } from "@wakefleet/contracts";

/** What a CLI's request says, whatever the dialect. */
export interface ModelRequest {
  /** The text of the last message, when a person wrote it; empty after a tool's result. */
  readonly lastUserText: string;
  /** The conversation ends with a tool's result. */
  readonly endsWithToolResult: boolean;
  /** The request offers tools; side requests, such as for a title, do not. */
  readonly offersTools: boolean;
}

/** What the model says: runs a shell command, or ends the turn. */
export type ModelTurn = { readonly tool: string } | { readonly text: string };

export interface ModelAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** Tokens of every answer, as the recordings have them: 1200 in, 500 of them cached, 42 out. */
export const TOKENS = { input: 1200, cached: 500, output: 42 } as const;

export interface Dialect {
  /** A request that asks the model; all others are answered 404. */
  asksModel(method: string, path: string): boolean;
  read(body: JsonObject): ModelRequest;
  answer(turn: ModelTurn, request: { readonly path: string; readonly body: JsonObject }): ModelAnswer;
  /** The answer to who has used up a limit that ends at `resetAt`. */
  limited(resetAt: Date): ModelAnswer;
  /** The key of a request; null without one. */
  keyOf(headers: IncomingHttpHeaders): string | null;
  /** The answer to who has no key or a wrong one. */
  unauthorized(): ModelAnswer;
}

/** Server-sent events, one `data` each; `event` lines from the data's `type` where `named`. */
export function eventStream(events: readonly (JsonObject | "[DONE]")[], named = false): ModelAnswer {
  const frames = events.map((event) => {
    if (event === "[DONE]") return "data: [DONE]\n\n";
    return `${named ? `event: ${String(event["type"])}\n` : ""}data: ${JSON.stringify(event)}\n\n`;
  });
  return { status: 200, headers: { "content-type": "text/event-stream" }, body: frames.join("") };
}

export function jsonAnswer(status: number, body: JsonObject, headers: OutgoingHttpHeaders = {}): ModelAnswer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

export function bearerOf(headers: IncomingHttpHeaders): string | null {
  return /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? null;
}
