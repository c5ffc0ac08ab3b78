/** What a killed worker's run left in the temporary folder (AD-205): it goes once the run has ended, and not before. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, untilEnded, untilSpawnStored, wake } from "../support/fleet-work.js";

let fleet: Fleet;
let companyId: string;
const folders: string[] = [];

beforeAll(async () => {
  fleet = await startFleet();
  companyId = await createCompany(fleet);
});
afterAll(async () => {
  await fleet?.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** As the adapters name them. */
function folderOf(runId: string): string {
  const folder = mkdtempSync(join(tmpdir(), `wakefleet-run-${runId}-prompt-`));
  writeFileSync(join(folder, "prompt.md"), "the prompt");
  folders.push(folder);
  return folder;
}

async function start(script: string): Promise<string> {
  const agentId = await createAgent(fleet, { companyId, adapterConfig: { command: "/bin/sh", args: ["-c", script] } });
  return (await wake(fleet, agentId)).id;
}

it("AD-205 the folders of ended runs go with the next worker, those of runs that go on and of others' runs stay", async () => {
  const ended = await start("echo All of it is done.");
  await untilEnded(fleet, ended);
  const going = await start(`while [ ! -e ${fleet.scratch}/go ]; do sleep 0.05; done; echo All of it is done.`);
  await untilSpawnStored(fleet, going);
  const [left, inUse, foreign] = [folderOf(ended), folderOf(going), folderOf(randomUUID())];
  await fleet.killWorker(0);
  await fleet.startWorker();
  await eventually("the ended run's folder to go", () => !existsSync(left));
  expect([existsSync(inUse), existsSync(foreign)]).toEqual([true, true]);
  writeFileSync(`${fleet.scratch}/go`, "");
  expect(await untilEnded(fleet, going)).toMatchObject({ status: "succeeded" });
});
