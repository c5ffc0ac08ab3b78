/** An adapter from a package of its own, loaded because the configuration names it, by a real API and a real worker. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, untilEnded, wake } from "../support/fleet-work.js";

const EXAMPLE = fileURLToPath(new URL("../../examples/adapter-file-drop", import.meta.url));

describe("AD-1 AD-4 an adapter from a package", () => {
  const folder = mkdtempSync(join(tmpdir(), "wakefleet-package-"));
  const installed = join(folder, "node_modules", "wakefleet-adapter-file-drop");
  let fleet: Fleet;
  let companyId: string;

  beforeAll(async () => {
    cpSync(EXAMPLE, installed, { recursive: true });
    fleet = await startFleet({ env: { ADAPTER_PACKAGES: join(installed, "index.mjs") } });
    companyId = await createCompany(fleet);
  });
  afterAll(async () => {
    await fleet?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("AD-4 its type is known when an agent is created, and its code runs the agent", async () => {
    const drop = join(folder, "drop");
    const agentId = await createAgent(fleet, {
      companyId,
      adapterType: "file_drop",
      adapterConfig: { folder: drop },
    });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    expect(run).toMatchObject({ status: "succeeded", resultJson: { file: join(drop, `${run.id}.json`) } });
    expect(JSON.parse(readFileSync(join(drop, `${run.id}.json`), "utf8"))).toMatchObject({ runId: run.id, agentId });
    await expectNothingBroken(fleet, () => 1);
  });

  it("AD-4 a type that neither ships nor is loaded is still refused", async () => {
    const { status } = await fleet.http.post(`/api/companies/${companyId}/agents`, {
      name: "Nobody",
      adapterType: "file_dropp",
      adapterConfig: {},
    });
    expect(status).toBe(422);
  });

  it("AD-4 OP-11 a process does not start without a package it was told to load, and says which", async () => {
    const missing = join(folder, "no-such-adapter.mjs");
    await expect(fleet.startWorker({ env: { ADAPTER_PACKAGES: missing } })).rejects.toThrow(
      `The worker could not start. The adapter package "${missing}" could not be loaded`,
    );
    await expect(fleet.startApi({ env: { ADAPTER_PACKAGES: "no such package" } })).rejects.toThrow("ADAPTER_PACKAGES");
    expect(existsSync(missing)).toBe(false);
  });
});
