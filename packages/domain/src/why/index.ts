export * from "./explain.js";
export * from "./receipts.js";
