/**
 * Ids of new rows: UUIDs of version 7. They grow with time, also within one millisecond of one process, so that
 * "first come first served" holds among runs that share a transaction's instant, and inserts stay at the index's end.
 */
import { v7 } from "uuid";

export type NewId = () => string;
export const newId: NewId = () => v7();
