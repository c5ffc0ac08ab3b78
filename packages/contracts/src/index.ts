export * from "./enums.js";
export * from "./errors.js";
export * from "./events.js";
export * from "./heartbeat-policy.js";
export * from "./http/index.js";
export * from "./jobs.js";
export * from "./json.js";
export * from "./wakeup.js";
