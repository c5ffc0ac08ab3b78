/**
 * What a database's schema consists of, as named facts that two databases can be compared by (DM-12).
 *
 * What must stay true: every fact's text comes from PostgreSQL itself (pg_get_constraintdef and its like), so that the same
 * SQL gives the same text whoever wrote it. Prisma's own table is left out.
 */
import type { Sql } from "../sql.js";

/** One thing in a schema. */
export interface SchemaFact {
  /** `table`, `column`, `constraint`, `index`, `trigger`, `function`, `storage`, `enum` or `view`. */
  readonly kind: string;
  /** Unique within its kind, e.g. `heartbeat_runs.heartbeat_runs_lock_issue_uq`. */
  readonly name: string;
  /** PostgreSQL's own words for it. */
  readonly definition: string;
}

const FACTS = `
WITH tables AS (
  SELECT c.oid, c.relname, c.reloptions, c.relkind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname <> '_prisma_migrations'
     AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 'table' AS kind, relname::text AS name, 'table' AS definition FROM tables WHERE relkind IN ('r', 'p')
UNION ALL
SELECT 'view', relname::text, pg_get_viewdef(oid) FROM tables WHERE relkind IN ('v', 'm')
UNION ALL
SELECT 'storage', relname::text, array_to_string(reloptions, ', ') FROM tables WHERE relkind IN ('r', 'p') AND reloptions IS NOT NULL
UNION ALL
SELECT 'column', t.relname || '.' || a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
       || CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END
  FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE t.relkind IN ('r', 'p')
UNION ALL
SELECT 'constraint', t.relname || '.' || c.conname,
       pg_get_constraintdef(c.oid) || CASE WHEN c.convalidated THEN '' ELSE ' (not validated)' END
  FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid WHERE c.contype <> 'n'
UNION ALL
SELECT 'index', t.relname || '.' || i.relname, pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' (invalid)' END
  FROM tables t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid
UNION ALL
SELECT 'trigger', t.relname || '.' || g.tgname, pg_get_triggerdef(g.oid) || CASE g.tgenabled WHEN 'O' THEN '' ELSE ' (disabled)' END
  FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
UNION ALL
SELECT 'function', p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', pg_get_functiondef(p.oid)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = 'public' AND p.prokind IN ('f', 'p')
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'enum', y.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
  FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace JOIN pg_enum e ON e.enumtypid = y.oid
 WHERE n.nspname = 'public' GROUP BY y.typname
ORDER BY 1, 2`;

/** Reads all facts of the schema `public`, ordered by kind and name. */
export function readSchemaFacts(sql: Sql): Promise<SchemaFact[]> {
  return sql.query<SchemaFact>(FACTS);
}

/** A difference between what the migrations say and what a database has. */
export interface SchemaDifference {
  readonly kind: string;
  readonly name: string;
  /** `missing`: not in the database; `extra`: only there; `different`: there with another definition. */
  readonly problem: "missing" | "extra" | "different";
  readonly expected: string | null;
  readonly actual: string | null;
}

/** Compares facts by kind and name. */
export function compareSchemaFacts(expected: readonly SchemaFact[], actual: readonly SchemaFact[]): SchemaDifference[] {
  const key = (fact: SchemaFact): string => `${fact.kind} ${fact.name}`;
  const found = new Map(actual.map((fact) => [key(fact), fact]));
  const known = new Set(expected.map(key));
  const differences: SchemaDifference[] = [];
  for (const fact of expected) {
    const other = found.get(key(fact));
    if (other?.definition === fact.definition) continue;
    differences.push({
      kind: fact.kind,
      name: fact.name,
      problem: other === undefined ? "missing" : "different",
      expected: fact.definition,
      actual: other?.definition ?? null,
    });
  }
  for (const fact of actual) {
    if (known.has(key(fact))) continue;
    differences.push({ kind: fact.kind, name: fact.name, problem: "extra", expected: null, actual: fact.definition });
  }
  return differences;
}
