/** A run's provider said when it may be asked again: all of the run's account wait until then (BY-5). */
import type { TerminalRunStatus } from "@wakefleet/contracts";
import { accountLimitOf } from "@wakefleet/domain";
import { appendRunEvents, limitAccount, type RunRow, type Sql } from "@wakefleet/store";
import type { AfterCommit } from "../runs/after-commit.js";
import { runEventEvent } from "../runs/run-live-events.js";

/** In the transaction of the run's end, after every other lock. Nothing for a run that failed otherwise. */
export async function limitAccountOf(
  tx: Sql,
  ended: { readonly run: RunRow; readonly status: TerminalRunStatus; readonly now: Date },
  after: AfterCommit,
): Promise<void> {
  const { run, status, now } = ended;
  const { providerAccountId: accountId, errorCode, resultJson } = run;
  if (accountId === null) return;
  const until = accountLimitOf({ status, errorCode, resultJson }, now);
  if (until === null) return;
  const limitedUntil = (await limitAccount(tx, { accountId, runId: run.id, until })).toISOString();
  const events = await appendRunEvents(tx, run.id, [
    {
      eventType: "lifecycle",
      stream: "system",
      level: "warn",
      message: `The provider limits this account until ${limitedUntil}; all of its runs wait until then`,
      payload: { providerAccountId: accountId, limitedUntil },
    },
  ]);
  after.events.push(...events.map(runEventEvent));
}
