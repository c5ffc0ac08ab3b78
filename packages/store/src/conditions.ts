/** Collects the conditions of a list query and their parameters, so that no text of a caller meets SQL. */

export class Conditions {
  private readonly parts: string[] = [];
  /** In the order of the placeholders handed out. */
  readonly values: unknown[] = [];

  /** Adds a parameter and returns its placeholder. */
  bind(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** Adds `sql(placeholder)` when the value is given. */
  when<T>(value: T | undefined | null, sql: (placeholder: string) => string): this {
    if (value !== undefined && value !== null) this.parts.push(sql(this.bind(value)));
    return this;
  }

  /** Adds a condition without parameters. */
  always(sql: string): this {
    this.parts.push(sql);
    return this;
  }

  /** The conditions joined, `true` without any. */
  get where(): string {
    return this.parts.length === 0 ? "true" : this.parts.join(" AND ");
  }
}

/** One page of a list: the rows, and the id to go on from when there are more (API-11). */
export interface Page<Row> {
  readonly rows: Row[];
  readonly nextCursor: string | null;
}

/** Cuts a page out of `limit + 1` rows. */
export function pageOf<Row extends { id: string }>(rows: Row[], limit: number): Page<Row> {
  const page = rows.slice(0, limit);
  return { rows: page, nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
}

/** A text for ILIKE that matches itself only. */
export function likeText(text: string): string {
  return `%${text.replace(/[\\%_]/g, (character) => `\\${character}`)}%`;
}
