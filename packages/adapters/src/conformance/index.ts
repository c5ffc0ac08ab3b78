/** The contract test suite for adapters, also for those of packages of their own (docs/adapters.md). Needs vitest. */
export { describeAdapterConformance } from "./adapter-conformance.js";
export { createProgramFolder, type ProgramFolder } from "./agent-programs.js";
export { describeAdapterContract } from "./contract-conformance.js";
export { describeParserLaws } from "./parser-laws.js";
export { readFixtures } from "./recorded-fixtures.js";
export { recordRun } from "./recorded-run.js";
export { createRecordingStub, type RecordingStub, type StubReply } from "./recording-stub.js";
export { answerOf, createStubCli, type StubAnswers, type StubCli } from "./stub-cli.js";
export { startStubGateway } from "./stub-gateway.js";
