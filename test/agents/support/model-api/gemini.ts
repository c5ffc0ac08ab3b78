/** Google's Gemini API, as far as Gemini CLI uses it. */
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { type Dialect, eventStream, jsonAnswer, type ModelTurn, TOKENS } from "./dialect.js";
import { objectsOf, textOf } from "./read-json.js";

function partOf(turn: ModelTurn): JsonObject {
  if ("text" in turn) return { text: turn.text };
  return { functionCall: { name: "run_shell_command", args: { command: turn.tool, description: "Writes a line" } } };
}

const errorAnswer = (code: number, status: string, message: string, details: JsonObject[] = []) =>
  jsonAnswer(code, { error: { code, status, message, details } });

export const gemini: Dialect = {
  asksModel: (method, path) => method === "POST" && /:(?:streamGenerateContent|generateContent)$/.test(path),

  read(body) {
    const last = asJsonObject(objectsOf(body["contents"]).at(-1));
    const isToolResult = objectsOf(last["parts"]).some((part) => "functionResponse" in part);
    return {
      lastUserText: isToolResult ? "" : textOf(last["parts"]),
      endsWithToolResult: isToolResult,
      offersTools: objectsOf(body["tools"]).length > 0,
    };
  },

  answer(turn, { path }) {
    const response: JsonObject = {
      candidates: [{ index: 0, content: { role: "model", parts: [partOf(turn)] }, finishReason: "STOP" }],
      usageMetadata: {
        promptTokenCount: TOKENS.input,
        cachedContentTokenCount: TOKENS.cached,
        candidatesTokenCount: TOKENS.output,
        totalTokenCount: TOKENS.input + TOKENS.output,
      },
      modelVersion: "gemini-2.5-pro",
    };
    return path.endsWith(":streamGenerateContent") ? eventStream([response]) : jsonAnswer(200, response);
  },

  limited: () => errorAnswer(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),

  keyOf: (headers) => {
    const key = headers["x-goog-api-key"];
    return typeof key === "string" ? key : null;
  },
  unauthorized: () =>
    errorAnswer(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "googleapis.com" },
    ]),
};
