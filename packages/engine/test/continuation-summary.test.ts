/** The document that says where an issue stands, written anew by each of its runs (06 section 4, FI-4). */
import { describe, expect, it } from "vitest";
import { workRun } from "../src/runs/work-run.js";
import { says, useIssueRuns } from "./issue-runs-support.js";
import { countRows, done } from "./support.js";

const { world, anAssignedIssue, runOnce } = useIssueRuns();

describe("the continuation summary (FI-4)", () => {
  it("LV-97 lists the paths that begin as the configuration says", async () => {
    const target = await anAssignedIssue();
    const { run } = await world.wake({
      agentId: target.agentId,
      reason: "nudged",
      payload: { issueId: target.issueId },
    });
    const worker = await world.worker(() => ({ ...done, summary: "Changed src/roof.ts and packages/a/b.ts." }));
    await workRun({ ...worker.deps, summaryPathRoots: ["src/"] }, { runId: run?.id ?? "", agentId: target.agentId });
    const [document] = await world.db.sql.query<{ body: string }>(
      `SELECT d.latest_body AS body FROM documents d JOIN issue_documents l ON l.document_id = d.id WHERE l.issue_id = $1`,
      [target.issueId],
    );
    expect(document?.body).toMatch(/## Files \/ Routes Touched\n\n- `src\/roof\.ts`\n\n## Commands Run/);
  });

  it("LV-90 one document an issue, a revision a run", async () => {
    const target = await anAssignedIssue({ description: "## Objective\nA dry house" });
    const runs = [];
    for (const summary of ["First", "Second"]) runs.push(await runOnce(target, { play: says({ summary }) }));
    const revisions = await world.db.sql.query<{ n: number; summary: string; run: string; body: string }>(
      `SELECT v.revision_number AS n, v.change_summary AS summary, v.created_by_run_id AS run, v.body
         FROM issue_documents l JOIN document_revisions v ON v.document_id = l.document_id
        WHERE l.issue_id = $1 AND l.key = 'continuation-summary' ORDER BY v.revision_number`,
      [target.issueId],
    );
    expect(revisions.map(({ n, summary, run }) => [n, summary, run])).toEqual(
      runs.map((run, at) => [at + 1, `Refresh continuation summary after run ${run.id}`, run.id]),
    );
    const [document] = await world.db.sql.query<{ title: string; body: string; n: number; isLatest: boolean }>(
      `SELECT d.title, d.latest_body AS body, d.latest_revision_number AS n, v.id IS NOT NULL AS "isLatest"
         FROM issue_documents l JOIN documents d ON d.id = l.document_id
         LEFT JOIN document_revisions v ON v.id = d.latest_revision_id AND v.revision_number = d.latest_revision_number
        WHERE l.issue_id = $1`,
      [target.issueId],
    );
    expect(document).toMatchObject({ title: "Continuation Summary", n: 2, isLatest: true, body: revisions[1]?.body });
    expect(document?.body.match(/^##? .*/gm)).toEqual([
      "# Continuation Summary",
      "## Objective",
      "## Acceptance Criteria",
      "## Recent Concrete Actions",
      "## Files / Routes Touched",
      "## Commands Run",
      "## Blockers / Decisions",
      "## Next Action",
    ]);
    expect(document?.body).toContain("A dry house");
  });

  it("RC-25, RC-91d a failed run's secret is in no document, comment, activity or wake", async () => {
    const target = await anAssignedIssue();
    const secret = "sk-test-0123456789abcdef";
    await runOnce(target, {
      play: () => ({ ...done, exitCode: 3, errorMessage: `Authorization: Bearer ${secret}` }),
    });
    const places = ["documents WHERE latest_body", "issue_comments WHERE body", "activity_log WHERE details::text"];
    for (const place of places) expect(await countRows(world.db.sql, `${place} LIKE '%${secret}%'`)).toBe(0);
    expect(await countRows(world.db.sql, `agent_wakeup_requests WHERE payload::text LIKE '%${secret}%'`)).toBe(0);
  });
});
