/** FI-4, LV-90 to LV-92: the issue's continuation summary is made anew at the end of a run. */
import { continuationSummary } from "@wakefleet/domain";
import { readSummaryDocument, type SummaryDocument, writeContinuationSummary } from "@wakefleet/store";
import type { EndStory } from "./end-story.js";

/** How often it is tried on a newer revision, when somebody else writes the document meanwhile. */
const MAX_ATTEMPTS = 3;

/** Writes one revision. Rejects when the document could not be kept still. */
export async function refreshContinuationSummary(story: EndStory): Promise<void> {
  const { tx, run, agent, facts } = story;
  if (facts === null || facts.issue === null || agent === null) return;
  const { issue } = facts;
  let base: SummaryDocument | null = facts.summary;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const body = continuationSummary({
      issue,
      run,
      agent,
      previousBody: base?.body ?? null,
      ...(story.summaryPathRoots && { pathRoots: story.summaryPathRoots }),
    });
    const written = await writeContinuationSummary(tx, {
      companyId: run.companyId,
      issueId: issue.id,
      agentId: run.agentId,
      runId: run.id,
      body,
      base,
    });
    if (written) return;
    base = await readSummaryDocument(tx, { companyId: run.companyId, issueId: issue.id });
  }
  throw new Error(`the continuation summary of issue ${issue.id} changed ${MAX_ATTEMPTS} times while it was written`);
}
