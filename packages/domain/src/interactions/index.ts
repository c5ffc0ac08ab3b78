export * from "./continuation.js";
export * from "./judge-resolution.js";
export { selectTasks } from "./suggested-tasks.js";
