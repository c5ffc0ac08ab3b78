import { describe, expect, it } from "vitest";
import { codexArguments, readCodexConfig } from "./codex-config.js";
import { createCodexModelList } from "./codex-models.js";
import { fallbackHandoff, readCodexFallback } from "./fallback-mode.js";

const args = (
  config: Parameters<typeof readCodexConfig>[0],
  sessionId: string | null = null,
  safer = false,
): string[] => codexArguments({ config: readCodexConfig(config), forbidsFastMode: safer, sessionId });

describe("AD-140 AD-141 AD-142 the command line of Codex", () => {
  it.each<[Parameters<typeof readCodexConfig>[0], string | null, string[]]>([
    [{}, null, ["exec", "--json", "--skip-git-repo-check", "-"]],
    [{ extraArgs: ["--skip-git-repo-check"] }, null, ["exec", "--json", "--skip-git-repo-check", "-"]],
    [
      { dangerouslyBypassApprovalsAndSandbox: true },
      "t1",
      ["exec", "--json", "--dangerously-bypass-approvals-and-sandbox", "resume", "t1", "-"],
    ],
    [{ dangerouslyBypassSandbox: true }, null, ["exec", "--json", "--dangerously-bypass-approvals-and-sandbox", "-"]],
    [
      { search: true, model: "gpt-5.4", reasoningEffort: "low", fastMode: true, args: ["--x"] },
      null,
      [
        ...["--search", "exec", "--json", "--model", "gpt-5.4", "-c", 'model_reasoning_effort="low"'],
        ...["-c", 'service_tier="fast"', "-c", "features.fast_mode=true", "--skip-git-repo-check", "--x", "-"],
      ],
    ],
  ])("AD-141 of %j resuming %j", (config, sessionId, expected) => {
    expect(args(config, sessionId)).toEqual(expected);
  });

  it.each([
    ["gpt-5.4", true],
    ["gpt-9-of-tomorrow", true],
    ["gpt-5", false],
  ])("AD-140 fast mode with %s: %s", (model, expected) => {
    expect(args({ model, fastMode: true }).includes("features.fast_mode=true")).toBe(expected);
  });

  it("AD-146 a safer invocation goes without the fast mode", () => {
    expect(args({ model: "gpt-5.4", fastMode: true }, null, true)).not.toContain("features.fast_mode=true");
  });

  it.each([
    [undefined, 1_800_000],
    [0, 1_800_000],
    [-1, 1_800_000],
    [null, null],
    [3000, 3000],
  ])("AD-140 an inactivity limit of %j is %j", (value, expected) => {
    expect(readCodexConfig(value === undefined ? {} : { outputInactivityTimeoutMs: value }).inactivityTimeoutMs).toBe(
      expected,
    );
  });
});

describe("AD-146 retries after failures of the provider", () => {
  it.each([
    ["same_session", false, false],
    ["safer_invocation", false, true],
    ["fresh_session", true, false],
    ["fresh_session_safer_invocation", true, true],
    ["nonsense", false, false],
  ])("AD-33 AD-146 %s", (mode, freshSession, saferInvocation) => {
    expect(readCodexFallback({ codexTransientFallbackMode: mode })).toEqual({ mode, freshSession, saferInvocation });
  });

  it("AD-146 hands the earlier session over to the fresh one, cut short", () => {
    const context = {
      codexTransientFallbackMode: "fresh_session",
      wakefleetContinuationSummary: { body: `${"x".repeat(1499)}😀tail` },
    };
    const text = fallbackHandoff({ fallback: readCodexFallback(context), previousSessionId: "t1", context });
    expect(text).toContain("previous session id: t1");
    expect(text).toContain("repeated Codex transient remote-compaction failures");
    expect(text).toContain(`${"x".repeat(1499)}\n[summary truncated]`);
    expect(fallbackHandoff({ fallback: readCodexFallback({}), previousSessionId: "t1", context })).toBe("");
  });
});

describe("AD-170 models", () => {
  const answer =
    (body: unknown): typeof fetch =>
    async () =>
      new Response(JSON.stringify(body));
  const failing: typeof fetch = async () => {
    throw new Error("offline");
  };

  it("AD-170 merges what the provider lists, and remembers it for a minute", async () => {
    let now = 0;
    let asked = 0;
    const fetchList: typeof fetch = async (...request) => {
      asked += 1;
      return await answer({ data: [{ id: "zzz" }, { id: "o3" }, { no: 1 }] })(...request);
    };
    const models = createCodexModelList({ fetchList, now: () => now });
    const ids = (await models.list("key")).map((model) => model.id);
    expect(ids).toContain("zzz");
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a.localeCompare(b)));
    await models.list("key");
    expect(asked).toBe(1);
    now = 60_001;
    await models.list("key");
    await models.list("other");
    expect(asked).toBe(3);
  });

  it("AD-170 falls back without a key, and when the provider does not answer", async () => {
    expect((await createCodexModelList({ fetchList: failing }).list(null))[0]?.id).toBe("gpt-5.4");
    expect((await createCodexModelList({ fetchList: failing }).refresh("key"))[0]?.id).toBe("gpt-5.4");
    const broken = createCodexModelList({ fetchList: async () => new Response("no", { status: 500 }) });
    expect((await broken.list("key"))[0]?.id).toBe("gpt-5.4");
  });
});
