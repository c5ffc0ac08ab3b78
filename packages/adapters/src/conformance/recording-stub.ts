/** An executable that plays an agent CLI (AD-331): writes down how it was called, then prints what a test wants. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ProgramFolder } from "./agent-programs.js";

/** What the stub does for a call; the first reply whose `whenArgument` is among the arguments is taken. */
export interface StubReply {
  /** Absent: any call. */
  readonly whenArgument?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Default 0. */
  readonly exitCode?: number;
}

export interface StubCall {
  readonly argv: readonly string[];
  readonly stdin: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface RecordingStub {
  /** Path of the executable. */
  readonly file: string;
  /** Calls so far, in order. */
  calls(): Promise<readonly StubCall[]>;
}

/** Writes the stub as `name` into `programs`. */
export async function createRecordingStub(
  programs: ProgramFolder,
  name: string,
  replies: readonly StubReply[],
): Promise<RecordingStub> {
  const records = path.join(programs.directory, `${name}.records`);
  await Promise.all(
    replies.flatMap((reply, index) => [
      writeFile(`${records}.reply${index}.out`, reply.stdout ?? ""),
      writeFile(`${records}.reply${index}.err`, reply.stderr ?? ""),
    ]),
  );
  const branches = replies.map(
    (reply, index) => `if ${reply.whenArgument === undefined ? "true" : `has '${reply.whenArgument}'`}; then
  cat '${records}.reply${index}.out'
  cat '${records}.reply${index}.err' >&2
  exit ${reply.exitCode ?? 0}
fi`,
  );
  const file = await programs.shell(
    name,
    `mkdir -p '${records}'
call=$(printf '%04d' $(($(ls '${records}' | wc -l) + 1)))
mkdir '${records}/'$call
has() {
  grep -qxF -- "$1" '${records}/'$call/lines
}
for argument in "$@"; do printf '%s\\n' "$argument"; done > '${records}/'$call/lines
printf '%s\\0' "$@" > '${records}/'$call/argv
env -0 > '${records}/'$call/env
cat > '${records}/'$call/stdin
pwd > '${records}/'$call/cwd
${branches.join("\n")}
echo "no reply for this call" >&2
exit 99`,
  );
  return {
    file,
    async calls() {
      const names = (await readdir(records).catch(() => [] as string[])).sort();
      return await Promise.all(names.map((call) => readCall(path.join(records, call))));
    },
  };
}

async function readCall(directory: string): Promise<StubCall> {
  const read = (name: string): Promise<string> => readFile(path.join(directory, name), "utf8");
  const [argv, env, stdin, cwd] = await Promise.all([read("argv"), read("env"), read("stdin"), read("cwd")]);
  return {
    argv: argv.split("\0").slice(0, -1),
    stdin,
    cwd: cwd.trim(),
    env: Object.fromEntries(
      env
        .split("\0")
        .filter((entry) => entry !== "")
        .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
    ),
  };
}
