/** What an agent wrote into a run, on databases that check their texts and on those that do not (LV-120). */
import { aRun, createTestDatabase, createUncheckedTestDatabase } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { createRunTexts } from "../src/runs/run-texts.js";
import { aCompany, expectStatus, startTestApi } from "./support.js";

const WRITTEN = {
  error: "boom",
  resultJson: { summary: "done", costUsd: 1 },
  stdoutExcerpt: "out",
  stderrExcerpt: "err",
};
const HIDDEN = { error: null, resultJson: null, stdoutExcerpt: null, stderrExcerpt: null };

describe("LV-120 what an agent wrote into a run", () => {
  it.each([
    {
      encoding: "UTF8",
      make: createTestDatabase,
      one: WRITTEN,
      listed: { error: "boom", resultJson: WRITTEN.resultJson },
    },
    {
      encoding: "SQL_ASCII",
      make: createUncheckedTestDatabase,
      one: HIDDEN,
      listed: { error: null, resultJson: null },
    },
  ])("LV-120 in $encoding", async ({ make, one, listed }) => {
    const api = await startTestApi({}, make);
    try {
      const company = await aCompany(api);
      const agent = await company.agent();
      const issue = await company.issue();
      const runId = await aRun(api.db.sql, {
        companyId: company.id,
        agentId: agent.id,
        issueId: issue.id,
        status: "failed",
        errorCode: "adapter_failed",
        ...WRITTEN,
      });
      const run = await expectStatus(api.call("GET", `/api/heartbeat-runs/${runId}`), 200);
      expect(run.body).toMatchObject({ id: runId, errorCode: "adapter_failed", ...one });
      for (const list of [`/api/companies/${company.id}/heartbeat-runs`, `/api/agents/${agent.id}/runs`]) {
        const runs = await expectStatus(api.call("GET", list), 200);
        expect(runs.body).toMatchObject([{ id: runId, errorCode: "adapter_failed", ...listed }]);
      }
      const ofIssue = await expectStatus(api.call("GET", `/api/issues/${issue.id}/runs`), 200);
      expect(ofIssue.body[0].resultJson === null).toBe(listed.resultJson === null);
    } finally {
      await api.stop();
    }
  });

  it("LV-120 nothing is given while the encoding cannot be read, and it is read again", async () => {
    let isAway = true;
    const warned: object[] = [];
    const sql = {
      query: async () => {
        if (isAway) throw new Error("away");
        return [{ encoding: "UTF8" }];
      },
    };
    const texts = createRunTexts({ db: { sql } as never, log: { warn: (fields) => void warned.push(fields) } });
    const run = { id: "r", ...WRITTEN } as never;
    expect(await texts.answerable([run])).toEqual([{ id: "r", ...HIDDEN }]);
    isAway = false;
    expect(await texts.answerable([run])).toEqual([run]);
    expect(warned).toHaveLength(1);
  });
});
