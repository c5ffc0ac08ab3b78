/** OpenAI's Responses API, as far as Codex uses it. */
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { bearerOf, type Dialect, eventStream, jsonAnswer, type ModelTurn, TOKENS } from "./dialect.js";
import { objectsOf, textOf } from "./read-json.js";

const RESPONSE_ID = "resp_test";

const USAGE = {
  input_tokens: TOKENS.input,
  input_tokens_details: { cached_tokens: TOKENS.cached },
  output_tokens: TOKENS.output,
  output_tokens_details: { reasoning_tokens: 7 },
  total_tokens: TOKENS.input + TOKENS.output,
};

function itemOf(turn: ModelTurn): JsonObject {
  if ("text" in turn) {
    return {
      type: "message",
      id: "msg_test",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: turn.text, annotations: [] }],
    };
  }
  return {
    type: "function_call",
    id: "fc_test",
    call_id: "call_test",
    name: "exec_command",
    arguments: JSON.stringify({ cmd: turn.tool }),
    status: "completed",
  };
}

export const openAiResponses: Dialect = {
  asksModel: (method, path) => method === "POST" && path.endsWith("/responses"),

  read(body) {
    const last = asJsonObject(objectsOf(body["input"]).at(-1));
    return {
      lastUserText: last["role"] === "user" ? textOf(last["content"]) : "",
      endsWithToolResult: last["type"] === "function_call_output",
      offersTools: objectsOf(body["tools"]).length > 0,
    };
  },

  answer(turn) {
    const item = itemOf(turn);
    const response = { id: RESPONSE_ID, object: "response", status: "completed", output: [item], usage: USAGE };
    return eventStream(
      [
        { type: "response.created", response: { id: RESPONSE_ID, object: "response", status: "in_progress" } },
        { type: "response.output_item.added", output_index: 0, item },
        { type: "response.output_item.done", output_index: 0, item },
        { type: "response.completed", response },
      ],
      true,
    );
  },

  limited: (resetAt) =>
    jsonAnswer(429, {
      error: {
        type: "usage_limit_reached",
        message: "The usage limit has been reached",
        plan_type: "plus",
        resets_at: Math.floor(resetAt.getTime() / 1000),
      },
    }),

  keyOf: bearerOf,
  unauthorized: () =>
    jsonAnswer(401, {
      error: { type: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key provided." },
    }),
};
