/** What PostgreSQL keeps texts in. */
import type { Sql } from "./sql.js";

/** The database's encoding, `UTF8` or `SQL_ASCII` for example; it never changes while the database exists. */
export async function readServerEncoding(sql: Sql): Promise<string> {
  const [row] = await sql.query<{ encoding: string }>("SELECT current_setting('server_encoding') AS encoding");
  if (row === undefined) throw new Error("PostgreSQL did not say in which encoding it keeps texts");
  return row.encoding;
}
