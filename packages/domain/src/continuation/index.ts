export * from "./comment-policy.js";
export * from "./continuation-summary.js";
export * from "./decide-continuation.js";
