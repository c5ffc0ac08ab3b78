export * from "./codec.js";
export * from "./compaction-policy.js";
export * from "./handed-session.js";
export * from "./migrate-session.js";
export * from "./next-session.js";
export * from "./previous-session.js";
export * from "./rotation.js";
