export * from "./task-text.js";
export type { WakeComment } from "./wake-comments.js";
export * from "./wake-payload.js";
