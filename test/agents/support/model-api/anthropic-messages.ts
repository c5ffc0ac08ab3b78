/** Anthropic's Messages API, as far as Claude Code uses it. */
import { asJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";
import { bearerOf, type Dialect, eventStream, jsonAnswer, type ModelTurn, TOKENS } from "./dialect.js";
import { objectsOf, textOf } from "./read-json.js";

/** The recordings' figures: what was read from the cache and written to it is counted beside `input_tokens`. */
const USAGE = {
  input_tokens: TOKENS.input,
  cache_creation_input_tokens: 300,
  cache_read_input_tokens: TOKENS.cached,
  output_tokens: 1,
};

function blockOf(turn: ModelTurn): readonly [start: JsonObject, delta: JsonObject] {
  if ("text" in turn) {
    return [
      { type: "text", text: "" },
      { type: "text_delta", text: turn.text },
    ];
  }
  const input = { command: turn.tool, description: "Writes a line" };
  return [
    { type: "tool_use", id: "toolu_test", name: "Bash", input: {} },
    { type: "input_json_delta", partial_json: JSON.stringify(input) },
  ];
}

const errorAnswer = (status: number, type: string, message: string, headers = {}) =>
  jsonAnswer(status, { type: "error", error: { type, message } }, headers);

export const anthropicMessages: Dialect = {
  asksModel: (method, path) => method === "POST" && path.endsWith("/v1/messages"),

  read(body) {
    const last = asJsonObject(objectsOf(body["messages"]).at(-1));
    const isToolResult = objectsOf(last["content"]).some((block) => block["type"] === "tool_result");
    return {
      lastUserText: isToolResult ? "" : textOf(last["content"]),
      endsWithToolResult: isToolResult,
      offersTools: objectsOf(body["tools"]).some((tool) => tool["name"] === "Bash"),
    };
  },

  answer(turn, { body }) {
    const [start, delta] = blockOf(turn);
    const message: JsonObject = {
      id: "msg_test",
      type: "message",
      role: "assistant",
      model: (body["model"] as JsonValue) ?? "fake-model",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: USAGE,
    };
    const stopReason = "text" in turn ? "end_turn" : "tool_use";
    return eventStream(
      [
        { type: "message_start", message },
        { type: "content_block_start", index: 0, content_block: start },
        { type: "content_block_delta", index: 0, delta },
        { type: "content_block_stop", index: 0 },
        {
          type: "message_delta",
          delta: { stop_reason: stopReason, stop_sequence: null },
          usage: { output_tokens: TOKENS.output },
        },
        { type: "message_stop" },
      ],
      true,
    );
  },

  limited: (resetAt) =>
    errorAnswer(429, "rate_limit_error", "This request would exceed your account's rate limit.", {
      "anthropic-ratelimit-unified-status": "rejected",
      "anthropic-ratelimit-unified-reset": String(Math.floor(resetAt.getTime() / 1000)),
      "anthropic-ratelimit-unified-representative-claim": "five_hour",
    }),

  keyOf: (headers) => {
    const key = headers["x-api-key"];
    return typeof key === "string" ? key : bearerOf(headers);
  },
  unauthorized: () => errorAnswer(401, "authentication_error", "invalid x-api-key"),
};
