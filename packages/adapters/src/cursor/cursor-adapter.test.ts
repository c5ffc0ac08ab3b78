import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { savedSession, useCliStubs } from "../conformance/cli-stubs.js";
import type { StubReply } from "../conformance/recording-stub.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { cursorAdapter } from "./cursor-adapter.js";
import { parseCursorModels } from "./cursor-models.js";

const home = useTemporaryHome();
const stubs = useCliStubs({ adapter: cursorAdapter, fixtures: [] });
const lines = (...events: readonly object[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join("");
const SUCCESS: StubReply = {
  stdout: lines(
    { type: "system", subtype: "init", session_id: "chat-1", model: "gpt-5" },
    { type: "assistant", message: { content: [{ type: "text", text: "Done" }] } },
    { type: "result", subtype: "success", usage: { input_tokens: 10, output_tokens: 2 }, total_cost_usd: 0.5 },
  ),
};

describe("cursor", () => {
  it("AD-181 AD-183 AD-184: runs a turn", async () => {
    const stub = await stubs.stub([SUCCESS]);
    const { result } = await stubs.run(stub, { config: { model: "gpt-5", mode: "plan", promptTemplate: "Go." } });
    const [call] = await stub.calls();
    expect(call!.argv).toEqual([
      ...["-p", "--output-format", "stream-json", "--workspace", stubs.directory()],
      ...["--model", "gpt-5", "--mode", "plan", "--yolo"],
    ]);
    expect(call!.stdin).toMatch(/WAKEFLEET_RUN_ID[\s\S]*\n\nGo\.$/);
    expect(result).toMatchObject({
      exitCode: 0,
      summary: "Done",
      usage: { inputTokens: 10, cachedInputTokens: 0, outputTokens: 2 },
      usageBasis: "per_run",
      costUsd: 0.5,
      sessionId: "chat-1",
      provider: "openai",
      biller: "cursor",
      billingType: "subscription",
    });
  });

  it("AD-184 an API key makes the bill one of the API", async () => {
    const { result } = await stubs.run(await stubs.stub([SUCCESS]), {
      config: { model: "sonnet-4.5", env: { CURSOR_API_KEY: "k" } },
    });
    expect(result).toMatchObject({ provider: "anthropic", biller: "anthropic", billingType: "api" });
  });

  it("AD-182 takes a stream's name off the lines and follows it", async () => {
    const stdout = `stdout: {"type":"result","subtype":"success","session_id":"chat-2"}\nstderr={"warning":1}\nplain\n`;
    const recorded = await stubs.run(await stubs.stub([{ stdout }]));
    expect(recorded.stdout).toBe('{"type":"result","subtype":"success","session_id":"chat-2"}\nplain\n');
    expect(recorded.stderr).toBe('{"warning":1}\n');
    expect(recorded.result).toMatchObject({ exitCode: 0, sessionId: "chat-2" });
  });

  it("AD-185 an error result with exit 0 is a failure", async () => {
    const stdout = lines({ type: "result", is_error: true, result: "model gone" });
    const { result } = await stubs.run(await stubs.stub([{ stdout }]));
    expect(result.errorMessage).toBe("model gone");
  });

  it("AD-73 AD-74 a lost session never comes back", async () => {
    const lost: StubReply = { whenArgument: "--resume", stderr: "Chat chat-0 not found", exitCode: 1 };
    const saved = (): ReturnType<typeof savedSession> => savedSession({ sessionId: "chat-0", cwd: stubs.directory() });
    const recovered = await stubs.run(await stubs.stub([lost, SUCCESS]), saved());
    expect(recovered.stdout).toContain('Cursor resume session "chat-0" is unavailable; retrying with a fresh session.');
    expect(recovered.result).toMatchObject({ exitCode: 0, sessionId: "chat-1" });
    const failed = await stubs.run(await stubs.stub([lost, { exitCode: 2 }]), saved());
    expect(failed.result).toMatchObject({ exitCode: 2, sessionId: null, clearSession: true });
  });
});

describe("AD-93 AD-186 testEnvironment and models of cursor", () => {
  const base = ["cwd_valid", "command_resolvable"];

  it.each<[string, StubReply, JsonObject, string[]]>([
    [
      "answers hello",
      { stdout: lines({ type: "result", result: "hello" }) },
      { env: { CURSOR_API_KEY: "k" } },
      ["pass", ...base, "api_key_present", "hello_probe_passed"],
    ],
    [
      "wants a login",
      { stderr: "Authentication required", exitCode: 1 },
      {},
      ["warn", ...base, "api_key_missing", "hello_probe_auth_required"],
    ],
    ["fails", { stderr: "boom", exitCode: 1 }, {}, ["fail", ...base, "api_key_missing", "hello_probe_failed"]],
  ])("AD-186 a CLI that %s", async (_what, answer, config, codes) => {
    const stub = await stubs.stub([answer], "agent");
    expect(await stubs.testCodes("cursor_", { command: stub.file, ...config })).toEqual(codes);
    expect((await stub.calls())[0]?.argv).toEqual([
      ...["-p", "--mode", "ask", "--output-format", "json", "--workspace", stubs.directory()],
      ...["--model", "auto", "--yolo", "Respond with hello."],
    ]);
  });

  it("AD-186 finds the CLI's own login", async () => {
    const folder = path.join(home, "logged-in");
    await mkdir(path.join(folder, ".cursor"), { recursive: true });
    await writeFile(path.join(folder, ".cursor", "cli-config.json"), '{"authInfo":{"email":"a@example.com"}}');
    const codes = await stubs.testCodes("cursor_", { command: "/nowhere/agent", env: { HOME: folder } });
    expect(codes).toEqual(["fail", "cwd_valid", "command_unresolvable", "native_auth_present"]);
  });

  it("AD-186 lists the CLI's models before the fixed ones, and these alone without a CLI", async () => {
    expect(parseCursorModels("Available models\n\nauto - Auto\ngpt-9 - GPT-9 (current)\n  composer-2\n")).toEqual([
      "auto",
      "gpt-9",
      "composer-2",
    ]);
    expect((await cursorAdapter.refreshModels?.())?.map((model) => model.id)).toContain("auto");
  });
});
