/** What adapters hand back has the shape of the contract, for runs that go well and runs that do not. */
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { claudeAdapter } from "./claude-local/claude-adapter.js";
import { codexAdapter } from "./codex-local/codex-adapter.js";
import { createProgramFolder, type ProgramFolder } from "./conformance/agent-programs.js";
import { readFixtures } from "./conformance/recorded-fixtures.js";
import { recordRun } from "./conformance/recorded-run.js";
import { answerOf, createStubCli } from "./conformance/stub-cli.js";
import { useTemporaryHome } from "./conformance/temporary-home.js";
import { geminiAdapter } from "./gemini-local/gemini-adapter.js";

const count = z.int().min(0);
const orNull = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().optional();

/** AD-19 to AD-25; strict, so that a misspelt field is a fault. */
const RESULT = z.strictObject({
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  timedOut: z.boolean(),
  errorMessage: orNull(z.string().min(1)),
  errorCode: orNull(z.string().regex(/^[a-z][a-z0-9_]*$/)),
  errorFamily: orNull(z.literal("transient_upstream")),
  retryNotBefore: orNull(z.iso.datetime()),
  errorMeta: z.record(z.string(), z.json()).optional(),
  usage: z.strictObject({ inputTokens: count, outputTokens: count, cachedInputTokens: count.optional() }).optional(),
  usageBasis: z.enum(["per_run", "session_cumulative"]).optional(),
  sessionId: orNull(z.string().min(1)),
  sessionParams: orNull(z.record(z.string(), z.json())),
  sessionDisplayId: orNull(z.string().min(1)),
  clearSession: z.boolean().optional(),
  provider: orNull(z.string().min(1)),
  biller: orNull(z.string().min(1)),
  model: orNull(z.string().min(1)),
  billingType: orNull(z.enum(["api", "subscription", "metered_api", "unknown"])),
  costUsd: orNull(z.number().min(0)),
  resultJson: orNull(z.record(z.string(), z.json())),
  summary: orNull(z.string()),
});

const SUBJECTS = [
  { adapter: claudeAdapter, folder: "claude-local", basis: "per_run" },
  { adapter: codexAdapter, folder: "codex-local", basis: "session_cumulative" },
  { adapter: geminiAdapter, folder: "gemini-local", basis: "per_run" },
] as const;

describe("results of adapters", () => {
  useTemporaryHome();
  let programs: ProgramFolder;
  beforeAll(async () => {
    programs = await createProgramFolder();
  });
  afterAll(async () => {
    await programs.remove();
  });

  const cases = SUBJECTS.flatMap(({ adapter, folder, basis }) =>
    readFixtures(path.join(import.meta.dirname, folder, "fixtures"))
      .filter(({ name }) => /^(?:success-tool|resume|ratelimit-429|.*-limit|invalid-key|max-turns|sigterm)$/.test(name))
      .map((recorded) => [adapter.type, recorded.name, { adapter, recorded, basis }] as const),
  );
  it.each(cases)("AD-19 AD-20 AD-21 AD-22 AD-23 AD-24 AD-25 AD-331 %s, %s", async (type, name, subject) => {
    const stub = await createStubCli(programs, { name: `${type}-${name}`, fresh: answerOf(subject.recorded) });
    const config = { command: stub.file, cwd: programs.directory };
    const { result } = await recordRun(subject.adapter, { config });
    expect(() => RESULT.parse(result)).not.toThrow();
    if (result.usage !== undefined) expect(result.usageBasis).toBe(subject.basis);
    if (subject.recorded.expect.outcome === "succeeded") {
      expect(result).toMatchObject({ exitCode: 0, summary: subject.recorded.expect.summary });
      expect(result.errorCode ?? result.errorFamily ?? result.errorMessage ?? null).toBeNull();
      expect(result.sessionParams).toMatchObject({ sessionId: result.sessionId, cwd: programs.directory });
    } else {
      expect(result.errorMessage).toBeTruthy();
      // A time for the retry says nothing where nobody will try again (AD-32).
      if (result.retryNotBefore != null) expect(result.errorFamily).toBe("transient_upstream");
    }
    const [call] = await stub.calls();
    expect(call?.cwd).toBe(programs.directory);
  });
});
