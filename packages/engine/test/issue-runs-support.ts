/** What the tests of what follows a run's end share: an issue with its agent, and runs about it that play what a test says. */
import type { JsonObject } from "@wakefleet/contracts";
import type { RunRow } from "@wakefleet/store";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import { beforeAll } from "vitest";
import { runsOf } from "./recovery-support.js";
import { done, type Play, useWorld, type World } from "./support.js";

/** An agent and the issue that is assigned to it. */
export interface AssignedIssue {
  readonly agentId: string;
  readonly issueId: string;
}

export interface IssueRuns {
  readonly world: World;
  companyId(): string;
  /** An issue in progress with its agent. */
  anAssignedIssue(columns?: JsonObject): Promise<AssignedIssue>;
  /** Wakes the agent about the issue and lets the run play. */
  runOnce(target: AssignedIssue, how?: { play?: Play; reason?: string; context?: JsonObject }): Promise<RunRow>;
  play(run: Pick<RunRow, "id" | "agentId">, how?: Play): Promise<RunRow>;
  /** Runs of the issue, oldest first. */
  runsOf(issueId: string): Promise<RunRow[]>;
  nextRunOf(issueId: string): Promise<RunRow>;
}

/** An adapter that exits with 0 and this result. */
export const says = (resultJson: JsonObject): Play => {
  return () => ({ ...done, resultJson });
};

/** A world with a company; call it once a file, outside of tests. */
export function useIssueRuns(): IssueRuns {
  const world = useWorld();
  let companyId: string;
  beforeAll(async () => {
    companyId = await aCompany(world.db.sql);
  });

  async function play(run: Pick<RunRow, "id" | "agentId">, how: Play = () => done): Promise<RunRow> {
    const worker = await world.worker(how);
    await worker.work(run);
    return world.run(run.id);
  }

  return {
    world,
    companyId: () => companyId,
    play,
    async anAssignedIssue(columns = {}) {
      const agentId = await anAgent(world.db.sql, { companyId, heartbeat: { maxConcurrentRuns: 1 } });
      const issueId = await anIssue(world.db.sql, {
        companyId,
        assigneeAgentId: agentId,
        status: "in_progress",
        title: "Implement feature",
        ...columns,
      });
      return { agentId, issueId };
    },
    async runOnce({ agentId, issueId }, { reason = "nudged", context = {}, play: how } = {}) {
      const { run } = await world.wake({ agentId, reason, payload: { issueId }, context });
      if (run === null) throw new Error("the wake gave no run");
      return play(run, how);
    },
    runsOf: (issueId) => runsOf(world, issueId),
    async nextRunOf(issueId) {
      const run = (await runsOf(world, issueId)).at(-1);
      if (run === undefined) throw new Error("no run");
      return run;
    },
  };
}
