/** An executable that plays an agent CLI (AD-331): it records how it was called, then prints what a test wants. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ProgramFolder } from "./agent-programs.js";

/** What the stub does after it recorded its call. */
export interface StubAnswer {
  readonly stdout?: string;
  readonly stderr?: string;
  /** Default 0. */
  readonly exitCode?: number;
  /**
   * Instead of exiting: `hang` waits for ever, `hang-with-child` also starts a background child that holds the output,
   * `repeat` prints `repeated` again and again.
   */
  readonly afterwards?: "exit" | "hang" | "hang-with-child" | "repeat";
  readonly repeated?: string;
}

export interface StubCall {
  readonly argv: readonly string[];
  readonly stdin: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface StubCli {
  /** Path of the executable. */
  readonly file: string;
  /** Every call so far. */
  calls(): Promise<StubCall[]>;
  /** Changes what it does from now on. */
  answers(answers: StubAnswers): Promise<void>;
}

export interface StubAnswers {
  readonly fresh: StubAnswer;
  /** For calls that resume a session. Default `fresh`. */
  readonly resumed?: StubAnswer;
}

/** Words of the CLIs' command lines that name a session. */
const RESUME_WORDS = ["--resume", "resume", "--session"];

export async function createStubCli(
  programs: ProgramFolder,
  options: StubAnswers & { readonly name: string },
): Promise<StubCli> {
  const { name, ...answers } = options;
  const answersFile = path.join(programs.directory, `${name}.answers.json`);
  const callsFile = path.join(programs.directory, `${name}.calls.jsonl`);
  const write = (given: StubAnswers): Promise<void> => writeFile(answersFile, JSON.stringify(given));
  await write(answers);
  await writeFile(callsFile, "");
  const file = await programs.node(
    name,
    `const fs = require("node:fs");
     const writeAll = (fd, text) => {
       const bytes = Buffer.from(text ?? "");
       for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
     };
     const argv = process.argv.slice(2);
     let stdin = "";
     try { stdin = fs.readFileSync(0, "utf8"); } catch { stdin = ""; }
     fs.appendFileSync(${JSON.stringify(callsFile)}, JSON.stringify({ argv, stdin, cwd: process.cwd(), env: process.env }) + "\\n");
     const answers = JSON.parse(fs.readFileSync(${JSON.stringify(answersFile)}, "utf8"));
     const isResumed = argv.some((word) => ${JSON.stringify(RESUME_WORDS)}.includes(word));
     const answer = (isResumed && answers.resumed) || answers.fresh;
     writeAll(1, answer.stdout);
     writeAll(2, answer.stderr);
     if (answer.afterwards === "hang-with-child") {
       require("node:child_process").spawn("sleep", ["600"], { stdio: "inherit" });
     }
     if (answer.afterwards === "repeat") setInterval(() => writeAll(1, answer.repeated), 100);
     else if (answer.afterwards === "hang" || answer.afterwards === "hang-with-child") setInterval(() => undefined, 60000);
     else process.exitCode = answer.exitCode ?? 0;`,
  );
  return {
    file,
    answers: write,
    async calls() {
      const text = await readFile(callsFile, "utf8");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as StubCall);
    },
  };
}

/** What a recording prints and how it ends, as a stub's answer. */
export function answerOf(recorded: {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}): StubAnswer {
  return { stdout: recorded.stdout, stderr: recorded.stderr, exitCode: recorded.exitCode ?? 1 };
}
