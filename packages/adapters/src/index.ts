/**
 * Adapters: how the service talks to agents of each kind. Imports contracts only.
 * Whoever runs agents needs the registry and the contract; recovery needs the two process functions.
 */
export { type ChildHost, ChildLost } from "./child/child-host.js";
export { availableMemoryShare } from "./child/host-memory.js";
export { createTreeMeter, type MeasuredTree, type TreeFigures, type TreeMeter } from "./child/measure-trees.js";
export { pipeHost } from "./child/pipe-host.js";
export {
  inspectProcess,
  type ProcessState,
  type StoredProcess,
  type TerminationResult,
  terminateProcessGroup,
} from "./child/process-group.js";
export { endRunTree, type TreeMember } from "./child/run-tree.js";
export { deadlineAfter, hostMoment, isOver, type StartDeadline, StartRefused } from "./child/start-deadline.js";
export { type RunPlaces, runFolders } from "./cli/run-folder.js";
export * from "./contract.js";
export { inheritedEnvironment } from "./environment/inherited.js";
export { REDACTED } from "./environment/redaction.js";
export { httpConfigSchema } from "./http/http-config.js";
export { AdapterPackageError, loadAdapterRegistry } from "./packages/adapter-package.js";
export { processConfigSchema } from "./process/process-config.js";
export { type AdapterRegistry, builtInAdapters, createAdapterRegistry } from "./registry.js";
export { defaultSessionCodec } from "./session-codec.js";
export { createSpool, type RunSpool, type Spool, type SpooledChild, type SpoolPosition } from "./spool/spool.js";
