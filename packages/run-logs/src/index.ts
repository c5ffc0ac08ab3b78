export { liveChunk, MAX_CHUNK_CHARS, MAX_LIVE_CHUNK_CHARS } from "./chunk.js";
export { EXCERPT_BYTES } from "./excerpt.js";
export { createLocalRunLogStore, type LocalRunLogStoreOptions } from "./local-file/local-run-log-store.js";
export { osUserOf } from "./os-user.js";
export { createOsUserRedactor, type OsUser } from "./redact-os-user.js";
export * from "./run-log-store.js";
