/**
 * What agents print ends up in runs. A database in `SQL_ASCII` checks no text, so what it gives back need be none: there an
 * answer leaves out what an agent may have written into a run (LV-120), and so where the encoding is not known.
 */
import { type Database, type RunRow, readServerEncoding } from "@wakefleet/store";

export interface RunTexts {
  /** The run as it may be answered: as it is, or without error, result and excerpts. Never rejects. */
  answerable<Run extends RunRow>(runs: readonly Run[]): Promise<Run[]>;
}

const UNCHECKED = "SQL_ASCII";

export function createRunTexts(deps: {
  readonly db: Pick<Database, "sql">;
  readonly log: { warn(fields: object, message: string): void };
}): RunTexts {
  /** Null until it was read; it does not change. */
  let encoding: string | null = null;

  async function areChecked(): Promise<boolean> {
    try {
      encoding ??= await readServerEncoding(deps.db.sql);
    } catch (error) {
      deps.log.warn({ event: "encoding.unread", err: error }, "runs are answered without the texts of their agents");
    }
    return encoding !== null && encoding !== UNCHECKED;
  }

  return {
    async answerable(runs) {
      if (runs.length === 0 || (await areChecked())) return [...runs];
      return runs.map((run) => ({ ...run, error: null, resultJson: null, stdoutExcerpt: null, stderrExcerpt: null }));
    },
  };
}
