/** What tests share: real stores, databases of their own, waiting for conditions. Product code never imports it. */
export {
  type AgentColumns,
  aCompany,
  anAgent,
  anIssue,
  aRequest,
  aRun,
  aWorker,
  insertRow,
  type RunColumns,
} from "./builders.js";
export { DATABASE_URL_VARIABLE, REDIS_URL_VARIABLE, testDatabaseServerUrl, testRedisUrl } from "./environment.js";
export { checkInvariants, type InvariantOptions, type Violation } from "./invariants.js";
export { startTestCluster, type TestCluster } from "./redis-cluster.js";
export { TcpProxy } from "./tcp-proxy.js";
export {
  createEmptyTestDatabase,
  createTestDatabase,
  createUncheckedTestDatabase,
  ensureTemplate,
  type TestDatabase,
} from "./test-database.js";
export { testRedisPrefix } from "./test-redis.js";
export { type WaitForOptions, waitFor } from "./wait-for.js";
