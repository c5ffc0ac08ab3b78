/** OpenAI's Chat Completions API, as far as OpenCode and Pi use it. */
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { bearerOf, type Dialect, eventStream, jsonAnswer, type ModelTurn, TOKENS } from "./dialect.js";
import { objectsOf, textOf } from "./read-json.js";

const USAGE = {
  prompt_tokens: TOKENS.input,
  completion_tokens: TOKENS.output,
  total_tokens: TOKENS.input + TOKENS.output,
  prompt_tokens_details: { cached_tokens: TOKENS.cached },
};

function deltaOf(turn: ModelTurn): JsonObject {
  if ("text" in turn) return { role: "assistant", content: turn.text };
  const parameters = { command: turn.tool, description: "Writes a line" };
  return {
    role: "assistant",
    tool_calls: [
      {
        index: 0,
        id: "call_test",
        type: "function",
        function: { name: "bash", arguments: JSON.stringify(parameters) },
      },
    ],
  };
}

const chunk = (delta: JsonObject, finishReason: string | null): JsonObject => ({
  id: "chatcmpl-test",
  object: "chat.completion.chunk",
  created: 1,
  model: "fake-model",
  choices: [{ index: 0, delta, finish_reason: finishReason }],
});

export const openAiChat: Dialect = {
  asksModel: (method, path) => method === "POST" && path.endsWith("/chat/completions"),

  read(body) {
    const last = asJsonObject(objectsOf(body["messages"]).at(-1));
    return {
      lastUserText: last["role"] === "user" ? textOf(last["content"]) : "",
      endsWithToolResult: last["role"] === "tool",
      offersTools: objectsOf(body["tools"]).length > 0,
    };
  },

  answer: (turn) =>
    eventStream([
      chunk(deltaOf(turn), null),
      chunk({}, "text" in turn ? "stop" : "tool_calls"),
      { ...chunk({}, null), choices: [], usage: USAGE },
      "[DONE]",
    ]),

  // No `retry-after`: CLIs of this dialect wait for a named time themselves, however long, and the run with them.
  limited: () =>
    jsonAnswer(429, {
      error: {
        type: "rate_limit_exceeded",
        code: "rate_limit_exceeded",
        message: "Rate limit reached for requests. Please try again later.",
      },
    }),

  keyOf: bearerOf,
  unauthorized: () =>
    jsonAnswer(401, {
      error: { type: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key provided." },
    }),
};
