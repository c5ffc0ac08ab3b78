export * from "./database.js";
export type { Sql } from "./sql.js";
