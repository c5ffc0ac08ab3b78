export * from "./agents.js";
export * from "./budgets.js";
export * from "./companies.js";
export * from "./fields.js";
export * from "./instance.js";
export * from "./issues.js";
export * from "./runs.js";
export * from "./wakeup-answers.js";
