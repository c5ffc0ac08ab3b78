/**
 * The adapter contract (07 sections 1 to 3 and 7): one import for whoever writes or calls an adapter.
 * A new adapter is a folder beside `process/` that exports an `Adapter` and is added to `builtInAdapters()`, or a package
 * of its own that the configuration names (packages/adapter-package.ts).
 */
export * from "./contract/adapter.js";
export * from "./contract/environment-test.js";
export * from "./contract/execution.js";
export * from "./contract/result.js";
export * from "./contract/run-abort.js";
export * from "./contract/spawn-info.js";
