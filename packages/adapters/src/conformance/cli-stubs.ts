/** What tests of a CLI adapter share: stubs that print recordings, and runs with them. Registers hooks with vitest. */
import type { JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll } from "vitest";
import type { Adapter } from "../contract.js";
import { createProgramFolder, type ProgramFolder } from "./agent-programs.js";
import type { RecordedFixture } from "./recorded-fixtures.js";
import { type RecordedRun, type RunOverrides, recordRun } from "./recorded-run.js";
import { createRecordingStub, type RecordingStub, type StubReply } from "./recording-stub.js";

export interface CliStubs {
  /** A folder for the file's tests; the working directory of runs. */
  directory(): string;
  /** A reply that prints a recording. */
  reply(fixture: string, more?: Partial<StubReply>): StubReply;
  /** A stub with a name of its own, or the given one in a folder of its own. */
  stub(replies: readonly StubReply[], name?: string): Promise<RecordingStub>;
  /** Runs the adapter with the stub as its command. */
  run(stub: RecordingStub, more?: Partial<RunOverrides>): Promise<RecordedRun>;
  /** Status and codes of `testEnvironment`, each without `prefix`. */
  testCodes(prefix: string, config: JsonObject): Promise<string[]>;
}

/** `config` is part of every run's config. */
export function useCliStubs(subject: {
  readonly adapter: Adapter;
  readonly fixtures: readonly RecordedFixture[];
  readonly config?: JsonObject;
}): CliStubs {
  const { adapter } = subject;
  const folders: ProgramFolder[] = [];
  let count = 0;
  const folder = async (): Promise<ProgramFolder> => {
    const made = await createProgramFolder();
    folders.push(made);
    return made;
  };
  const shared = (): ProgramFolder => {
    const first = folders[0];
    if (first === undefined) throw new Error("The folder of the stubs is made before the first test");
    return first;
  };
  beforeAll(async () => {
    await folder();
  });
  afterAll(async () => {
    await Promise.all(folders.map((made) => made.remove()));
  });

  return {
    directory: () => shared().directory,
    reply(name, more = {}) {
      const fixture = subject.fixtures.find((one) => one.name === name);
      if (fixture === undefined) throw new Error(`There is no recording "${name}"`);
      return { stdout: fixture.stdout, stderr: fixture.stderr, exitCode: fixture.exitCode ?? 1, ...more };
    },
    async stub(replies, name) {
      count += 1;
      if (name !== undefined) return await createRecordingStub(await folder(), name, replies);
      return await createRecordingStub(shared(), `stub-${count}`, replies);
    },
    run: (stub, more = {}) =>
      recordRun(adapter, {
        ...more,
        config: { command: stub.file, cwd: shared().directory, ...subject.config, ...more.config },
      }),
    async testCodes(prefix, config) {
      const tested = await adapter.testEnvironment({
        companyId: "c",
        adapterType: adapter.type,
        config: { cwd: shared().directory, ...config },
      });
      return [tested.status, ...tested.checks.map((check) => check.code.replace(prefix, ""))];
    },
  };
}

/** A run's previous session, as the host hands it over. */
export function savedSession(params: JsonObject & { readonly sessionId: string }): Partial<RunOverrides> {
  const { sessionId } = params;
  return { execution: { runtime: { sessionId, sessionParams: params, sessionDisplayId: sessionId, taskKey: null } } };
}
