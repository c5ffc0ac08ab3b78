/** The configuration of every Wakefleet process (OP-10, OP-11), and the fault points that tests configure (RL-28). */
export { createFaultPoints, type Fault, type FaultPoints } from "./fault-points.js";
export { isLoopbackHost } from "./loopback.js";
export { maskUrl } from "./mask.js";
export { configTable, printConfig } from "./print-config.js";
export {
  type Config,
  ConfigError,
  type DraftConfig,
  loadEnvironment,
  readConfig,
  readDraftConfig,
} from "./read-config.js";
