/**
 * A model API on loopback that an agent's real CLI talks to: it asks for one tool call when it is told to use the tool,
 * then ends the turn; or it is limited, or never answers.
 *
 * What must stay true: it answers by what the request says and not by how many came before, because CLIs repeat requests
 * and make some of their own beside the conversation.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isJsonObject, type JsonObject } from "@wakefleet/contracts";
import type { Dialect, ModelAnswer } from "./dialect.js";

/** The words of a prompt that make the model call its tool. */
export const TOOL_WORDS = "use the tool";
/** The only key it takes. */
export const API_KEY = "sk-fake";

/** What the API does from now on. */
export type ApiMood = { readonly works: true } | { readonly limitedUntil: Date } | { readonly silent: true };

export interface SeenRequest {
  readonly path: string;
  readonly body: JsonObject;
}

export interface FakeModelApi {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** What the model says at the end of a turn. */
  readonly finalText: string;
  /** The requests to the model so far. */
  readonly requests: readonly SeenRequest[];
  become(mood: ApiMood): void;
  stop(): Promise<void>;
}

/** Starts one. `command` is what the model has its tool run. */
export async function startFakeModelApi(options: {
  readonly dialect: Dialect;
  readonly command: string;
  readonly finalText: string;
}): Promise<FakeModelApi> {
  const { dialect, command, finalText } = options;
  const requests: SeenRequest[] = [];
  let mood: ApiMood = { works: true };

  const answerTo = async (request: IncomingMessage): Promise<ModelAnswer | null> => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const body = await readBody(request);
    if (request.method === "HEAD") return { status: 200, headers: {}, body: "" };
    if (!dialect.asksModel(request.method ?? "", path)) return { status: 404, headers: {}, body: "" };
    requests.push({ path, body });
    if (dialect.keyOf(request.headers) !== API_KEY) return dialect.unauthorized();
    if ("silent" in mood) return null;
    if ("limitedUntil" in mood) return dialect.limited(mood.limitedUntil);
    const { lastUserText, endsWithToolResult, offersTools } = dialect.read(body);
    const wantsTool = offersTools && !endsWithToolResult && lastUserText.includes(TOOL_WORDS);
    return dialect.answer(wantsTool ? { tool: command } : { text: finalText }, { path, body });
  };
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = await answerTo(request);
    if (answer === null) return;
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    finalText,
    requests,
    become(next) {
      mood = next;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readBody(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  if (text === "") return {};
  const parsed: unknown = JSON.parse(text);
  return isJsonObject(parsed) ? parsed : {};
}
