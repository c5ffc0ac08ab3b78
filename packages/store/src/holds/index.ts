export * from "./hold-effects.js";
export * from "./tree-facts.js";
export * from "./tree-holds.js";
