export * from "./actionability.js";
export * from "./classify-run.js";
export { findNextAction, withoutListMark } from "./next-action.js";
export type { RunOutput } from "./run-texts.js";
