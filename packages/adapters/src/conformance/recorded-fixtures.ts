/** Recordings of real CLIs as tests read them (AD-330). */
import { readFileSync } from "node:fs";
import path from "node:path";
import { isJsonObject, type JsonObject } from "@wakefleet/contracts";

/** What a recording must parse to; a field that is not listed is not part of the expectation. */
export interface FixtureExpectation {
  readonly outcome?: "succeeded" | "failed";
  readonly exitCode?: number;
  readonly errorCode?: string;
  readonly errorFamily?: string | null;
  readonly errorMessage?: string;
  readonly retryNotBefore?: string | null;
  readonly clearSession?: boolean;
  readonly summary?: string;
  readonly usage?: { readonly inputTokens: number; readonly outputTokens: number; readonly cachedInputTokens?: number };
  readonly usageBasis?: string;
  readonly costUsd?: number;
  /** The unknown-session test must match this attempt. */
  readonly unknownSession?: boolean;
  readonly streamSessionId?: string;
}

export interface RecordedFixture {
  readonly name: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly capturedAt: Date;
  readonly expect: FixtureExpectation;
}

interface CaseFile {
  readonly cases: Record<
    string,
    { readonly capturedAt: string; readonly cliExitCode: number | null; readonly expect: FixtureExpectation }
  >;
}

/** Reads `cases.json` and the recordings beside it. */
export function readFixtures(directory: string): RecordedFixture[] {
  const read = (name: string): string => readFileSync(path.join(directory, name), "utf8");
  const { cases } = JSON.parse(read("cases.json")) as CaseFile;
  return Object.entries(cases).map(([name, recorded]) => ({
    name,
    stdout: read(`${name}.jsonl`),
    stderr: readOptional(path.join(directory, `${name}.stderr.txt`)),
    exitCode: recorded.cliExitCode,
    capturedAt: new Date(recorded.capturedAt),
    expect: recorded.expect,
  }));
}

/** The events of a recording, and its lines that are none. */
export function eventsOf(stdout: string): { readonly events: JsonObject[]; readonly plain: string } {
  const events: JsonObject[] = [];
  const plain: string[] = [];
  for (const line of stdout.split("\n").filter((text) => text.trim() !== "")) {
    let parsed: unknown = null;
    try {
      parsed = JSON.parse(line);
    } catch {
      // A line of another kind.
    }
    if (isJsonObject(parsed)) events.push(parsed);
    else plain.push(line);
  }
  return { events, plain: plain.join("\n") };
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
