export * from "./database.js";
export * from "./rows.js";
export type { Sql } from "./sql.js";
