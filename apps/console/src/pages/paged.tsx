/** Lists that go on: the first page is read again as things happen, the others follow on demand. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { read, withQuery } from "../api/http.js";
import { useAction } from "../parts/feedback.js";
import { type Loaded, useLoaded } from "../state/use-loaded.js";

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
}

export interface Paged<Row> extends Loaded<readonly Row[]> {
  /** Null on the last page. */
  readonly more: (() => void) | null;
  readonly isReadingMore: boolean;
}

/** The list at `path` (with its filters, without cursor). A null path reads nothing. */
export function usePaged<Row extends { readonly id: string }>(path: string | null): Paged<Row> {
  const first = useLoaded<Page<Row>>(path, async (signal) => {
    const { body, nextCursor } = await read<readonly Row[]>(path ?? "", signal);
    return { rows: body, nextCursor };
  });
  const [further, setFurther] = useState<Page<Row> | null>(null);
  const action = useAction();
  useEffect(() => setFurther(null), [path]);

  const value = first.value;
  const cursor = further === null ? (value?.nextCursor ?? null) : further.nextCursor;
  const more = (): void =>
    action.run(async () => {
      const { body, nextCursor } = await read<readonly Row[]>(withCursor(path ?? "", cursor));
      setFurther((before) => ({ rows: [...(before?.rows ?? []), ...body], nextCursor }));
      return `${body.length} more`;
    });
  return {
    value: value === null ? null : withoutDoubles([...value.rows, ...(further?.rows ?? [])]),
    problem: first.problem,
    reload: first.reload,
    more: cursor === null ? null : more,
    isReadingMore: action.busy,
  };
}

function withCursor(path: string, cursor: string | null): string {
  const [before = "", query = ""] = path.split("?");
  return withQuery(before, { ...Object.fromEntries(new URLSearchParams(query)), cursor });
}

/** A row of the first page may have been on a further one when that was read. */
function withoutDoubles<Row extends { readonly id: string }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

export function More({ paged }: { paged: Pick<Paged<{ id: string }>, "more" | "isReadingMore"> }): JSX.Element | null {
  if (paged.more === null) return null;
  return (
    <p class="more">
      <button type="button" class="plain" disabled={paged.isReadingMore} onClick={paged.more}>
        {paged.isReadingMore ? "Reading…" : "Show more"}
      </button>
    </p>
  );
}
