import { randomUUID } from "node:crypto";
import { aCompany, anAgent, aRun } from "@wakefleet/testkit";
import { expect, it } from "vitest";
import { forgetEndedRuns } from "../src/sweeps/forget-ended-runs.js";
import { useWorld } from "./support.js";

const world = useWorld();

it("BY-9, AD-205 what ended runs left goes; what goes on, waits or is another database's stays", async () => {
  const companyId = await aCompany(world.db.sql);
  const agentId = await anAgent(world.db.sql, { companyId });
  const ended = await aRun(world.db.sql, { companyId, agentId });
  const waiting = await aRun(world.db.sql, { companyId, agentId });
  await (await world.worker()).work({ id: ended, agentId });
  const removed: string[][] = [[], []];
  const places = removed.map((gone) => ({
    runIds: () => [waiting, ended, randomUUID()],
    remove: async (runId: string): Promise<void> => void gone.push(runId),
  }));
  expect(await forgetEndedRuns({ db: world.db, places })).toBe(2);
  expect(removed).toEqual([[ended], [ended]]);
});
