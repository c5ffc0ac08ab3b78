export * from "./plan-hold.js";
export * from "./texts.js";
export * from "./tree.js";
