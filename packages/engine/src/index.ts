export * from "./dispatch/run-dispatcher.js";
export * from "./dispatch/run-job.js";
export * from "./ids.js";
export * from "./ports.js";
export * from "./wakeups/accept-wakeups.js";
export * from "./wakeups/wake-request.js";
export * from "./wakeups/wakeup-acceptor.js";
