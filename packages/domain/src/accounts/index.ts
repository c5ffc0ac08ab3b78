export * from "./account-gate.js";
export * from "./account-key.js";
