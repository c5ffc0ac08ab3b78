/**
 * `log_ref`: where a log lies below the store's folder, `COMPANY/AGENT/RUN.ndjson` (LG-1).
 *
 * What must stay true: no ref leads out of the folder, whatever a database row says.
 */

const NAME = "[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}";
const REF = new RegExp(`^${NAME}/${NAME}/(${NAME})\\.ndjson$`);

/** Makes a ref. Throws when an id is not a plain name (letters, digits, `_`, `-`, `.` inside). */
export function runLogRef(run: { companyId: string; agentId: string; runId: string }): string {
  return checkedRef(`${run.companyId}/${run.agentId}/${run.runId}.ndjson`);
}

/** Answers `ref` if it is one; throws with the value otherwise. */
export function checkedRef(ref: string): string {
  if (!REF.test(ref)) {
    throw new Error(
      `Not a run-log reference: ${JSON.stringify(ref.slice(0, 200))}. Expected COMPANY/AGENT/RUN.ndjson.`,
    );
  }
  return ref;
}

/** The id of the run whose log this is; null for what is no reference. */
export function runIdOfRef(ref: string): string | null {
  return REF.exec(ref)?.[1] ?? null;
}
