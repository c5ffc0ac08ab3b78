/**
 * Reads schema-tables.txt, the specification's tables, and says them as plain SQL.
 *
 * What must stay true: nothing here looks at schema.prisma or the migrations. A database made from this SQL is what the
 * specification says; comparing its catalog with the migrated one's shows every slip by name.
 */
import { readFileSync } from "node:fs";

interface SpecColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly default: string | null;
  readonly references: { readonly table: string; readonly onDelete: string } | null;
}

interface SpecTable {
  readonly name: string;
  readonly columns: SpecColumn[];
  readonly indexes: string[];
  readonly checks: string[];
  primaryKey: string;
}

const ON_DELETE: Record<string, string> = { noaction: "NO ACTION", cascade: "CASCADE", setnull: "SET NULL" };

const SHORTHANDS: Record<string, string[]> = {
  id: ["id uuid = gen_random_uuid()"],
  company: ["company_id uuid -> companies noaction"],
  times: ["created_at timestamptz = now()", "updated_at timestamptz = now()"],
  created: ["created_at timestamptz = now()"],
};

function column(line: string): SpecColumn {
  const match = /^(\w+) (\w+)(\??)(?: = (.+?))?(?: -> (\w+) (\w+))?$/.exec(line);
  if (match === null) throw new Error(`schema-tables.txt: cannot read ${JSON.stringify(line)}`);
  const [, name = "", type = "", nullable, value, table, onDelete] = match;
  return {
    name,
    type,
    nullable: nullable === "?",
    default: value ?? null,
    references: table === undefined ? null : { table, onDelete: ON_DELETE[onDelete ?? ""] ?? "" },
  };
}

function index(table: string, line: string): string {
  const match = /^(index|unique) (\S+) \(([^)]*)\)(?: where (.*))?$/.exec(line);
  if (match === null) throw new Error(`schema-tables.txt: cannot read ${JSON.stringify(line)}`);
  const [, kind, given, columns = "", where] = match;
  const conventional = `${table}_${columns
    .split(", ")
    .map((part) => part.split(" ")[0])
    .join("_")}_idx`;
  const name = given === "*" ? conventional : given;
  return `CREATE ${kind === "unique" ? "UNIQUE " : ""}INDEX ${name} ON ${table} (${columns})${where === undefined ? "" : ` WHERE ${where}`}`;
}

function check(table: string, line: string): string {
  const [, name, columnName, ...values] = line.split(" ");
  const list = values.map((value) => `'${value}'`).join(", ");
  return `ALTER TABLE ${table} ADD CONSTRAINT "${name}" CHECK (${columnName} IN (${list}))`;
}

/** All tables of the specification. */
export function readSpecTables(): SpecTable[] {
  const tables: SpecTable[] = [];
  const lines = readFileSync(new URL("schema-tables.txt", import.meta.url), "utf8").split("\n");
  for (const line of lines) {
    if (line === "" || line.startsWith("#")) continue;
    const words = line.split(" ");
    if (words[0] === "table") {
      tables.push({ name: words[1] ?? "", columns: [], indexes: [], checks: [], primaryKey: "(id)" });
      continue;
    }
    const table = tables.at(-1);
    if (table === undefined) throw new Error("schema-tables.txt: the first line must start a table");
    if (words[0] === "pk") table.primaryKey = line.slice("pk ".length);
    else if (words[0] === "index" || words[0] === "unique") table.indexes.push(index(table.name, line));
    else if (words[0] === "check") table.checks.push(check(table.name, line));
    else table.columns.push(...(SHORTHANDS[line] ?? [line]).map(column));
  }
  return tables;
}

function defaultSql(spec: SpecColumn): string {
  if (spec.default === null || spec.default === "bigserial") return "";
  return ` DEFAULT ${spec.type === "jsonb" ? `'${spec.default}'` : spec.default}`;
}

/** The SQL of all tables with their keys, closed sets and indexes. */
export function specTablesAsSql(tables: readonly SpecTable[]): string {
  const create = tables.map((table) => {
    const columns = table.columns.map(
      (spec) =>
        `${spec.name} ${spec.default === "bigserial" ? "bigserial" : spec.type}${spec.nullable ? "" : " NOT NULL"}${defaultSql(spec)}`,
    );
    return `CREATE TABLE ${table.name} (${columns.join(", ")}, CONSTRAINT ${table.name}_pkey PRIMARY KEY ${table.primaryKey})`;
  });
  const rest = tables.flatMap((table) => [
    ...table.columns.flatMap((spec) =>
      spec.references === null
        ? []
        : [
            `ALTER TABLE ${table.name} ADD CONSTRAINT ${table.name}_${spec.name}_fkey FOREIGN KEY (${spec.name}) REFERENCES ${spec.references.table} ON DELETE ${spec.references.onDelete}`,
          ],
    ),
    ...table.checks,
    ...table.indexes,
  ]);
  return `${[...create, ...rest].join(";\n")};`;
}
