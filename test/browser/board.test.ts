/** Bull Board in a real browser, over a real API and a real worker (OP-20, API-304, QU-6). */
import { writeFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { FleetHttp } from "../support/fleet-http.js";
import { agentStatus, createAgent, createCompany, readRun, untilEnded, wake } from "../support/fleet-work.js";
import { expectCleanPage, launchBrowser, openPage } from "./support/browser.js";

let fleet: Fleet;
let browser: Browser;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet();
  browser = await launchBrowser();
  companyId = await createCompany(fleet, "Acme Robotics");
});
afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
});

/** Bull Board names its buttons by their pictures only. */
const RETRY_BUTTON = "button:has(.lucide-refresh-cw)";
const REMOVE_BUTTON = "button:has(.lucide-trash2)";

const shell = (script: string) => ({ command: "/bin/sh", args: ["-c", script] });

interface ListedQueue {
  readonly name: string;
  readonly displayName?: string;
  readonly readOnlyMode: boolean;
  readonly counts: Record<string, number>;
  readonly jobs: { readonly id: string; readonly data: Record<string, unknown> }[];
}

async function listQueues(http: FleetHttp, openQueue?: string): Promise<ListedQueue[]> {
  const query = openQueue === undefined ? "" : `?activeQueue=${encodeURIComponent(encodeURIComponent(openQueue))}`;
  return (await http.read<{ queues: ListedQueue[] }>(`/queues/api/queues${query}`)).queues;
}

async function aKey(scope: "admin" | "operator", ofCompany: string | null): Promise<string> {
  const { body } = await fleet.http.post<{ token: string }>("/api/keys", { scope, name: scope, companyId: ofCompany });
  return body.token;
}

const withKey = (key: string): FleetHttp => new FleetHttp(fleet.apiUrl, key);

/** Runs that retry this one. */
async function retriesOf(runId: string): Promise<{ id: string; invocation_source: string; wake_reason: string }[]> {
  return await fleet.db.sql.query(
    `SELECT id, invocation_source, context_snapshot->>'wakeReason' AS wake_reason FROM heartbeat_runs
      WHERE retry_of_run_id = $1`,
    [runId],
  );
}

/** Sends a PUT as the board's page does. */
async function put(path: string, key: string): Promise<{ status: number; message: string | null }> {
  const answer = await fetch(`${fleet.apiUrl}/queues/api${path}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: "{}",
  });
  const text = await answer.text();
  const body = (text === "" ? {} : JSON.parse(text)) as { message?: string };
  return { status: answer.status, message: body.message ?? null };
}

/** An agent whose runs wait until they are let go or stopped. */
async function aBusyAgent(name: string, maxConcurrentRuns = 1): Promise<{ agentId: string; letGo: () => void }> {
  const file = `${fleet.scratch}/${name}`;
  const agentId = await createAgent(fleet, {
    companyId,
    name,
    adapterConfig: shell(`while [ ! -e ${file} ]; do sleep 0.1; done`),
    heartbeat: { maxConcurrentRuns },
  });
  return { agentId, letGo: () => writeFileSync(file, "") };
}

describe("the queue board", () => {
  it("API-304 sends a browser without a session to the login, and answers a program 401 (02-51)", async () => {
    const { page, context } = await openPage(browser, fleet);
    await page.goto("/queues");
    expect(new URL(page.url()).pathname).toBe("/login");
    expect(new URL(page.url()).searchParams.get("next")).toBe("/queues");
    await context.close();
    for (const path of ["/queues", "/queues/api/queues", "/queues/find", "/queues/static/favicon.ico"]) {
      const answer = await fetch(fleet.apiUrl + path, { headers: { accept: "application/json" }, redirect: "manual" });
      expect({ path, status: answer.status }).toEqual({ path, status: 401 });
    }
  });

  it("OP-20, QU-6 lists queues by agent's name, and an admin's retry is a new run that points at the old (02-51)", async () => {
    const agentId = await createAgent(fleet, { companyId, name: "Bob 100% / yes?", adapterConfig: shell("exit 3") });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    const busy = await aBusyAgent("Cyrus");
    const busyRun = await wake(fleet, busy.agentId);

    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page } = watched;
    await page.goto("/queues");
    await page
      .getByRole("link", { name: /^Cyrus/ })
      .first()
      .waitFor();

    await page.goto("/queues?q=Bob");
    await page.getByRole("link", { name: "Bob 100% / yes?" }).click();
    await page.getByText("Process exited with code 3").first().waitFor();
    await page.locator(RETRY_BUTTON).first().click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Confirm" }).click();
    const [retry] = await eventually("the retry", async () => {
      const retries = await retriesOf(run.id);
      return retries.length > 0 ? retries : null;
    });
    expect(retry).toMatchObject({ invocation_source: "on_demand", wake_reason: "manual_retry" });
    expect((await readRun(fleet, run.id)).status).toBe("failed");
    expect((await untilEnded(fleet, retry?.id ?? "")).retryOfRunId).toBe(run.id);

    const link = page.getByRole("link", { name: "Open the run" }).first();
    expect(await link.getAttribute("href")).toMatch(/^\/runs\/[0-9a-f-]{36}$/);
    expectCleanPage(watched);

    await page.locator(REMOVE_BUTTON).last().click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Confirm" }).click();
    await page.getByText("A finished run stays on record.").first().waitFor();
    await watched.context.close();
    busy.letGo();
    await untilEnded(fleet, busyRun.id);
  });

  it("QU-2, OP-20 shows what a job is about in words", async () => {
    const busy = await aBusyAgent("Dora");
    const run = await wake(fleet, busy.agentId);
    const [queue] = await eventually("the job on the board", async () => {
      const found = (await listQueues(fleet.http, `x ${busy.agentId}`)).filter((one) => one.displayName === "Dora");
      return found[0] !== undefined && found[0].jobs.length > 0 ? found : null;
    });
    expect(queue?.jobs[0]).toMatchObject({
      id: run.id,
      data: { agent: "Dora", issue: "none", source: "on_demand", attempt: 0, runId: run.id },
    });
    busy.letGo();
    await untilEnded(fleet, run.id);
  });

  it("API-304 an operator looks and changes nothing (02-51)", async () => {
    const agentId = await createAgent(fleet, { companyId, name: "Olga", adapterConfig: shell("exit 1") });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    const key = await aKey("operator", null);
    const queue = encodeURIComponent(`Olga ${agentId}`);
    const watched = await openPage(browser, fleet, { key });
    const { page } = watched;
    await page.goto(`/queues/queue/${queue}`);
    await page.getByText("Process exited with code 1").first().waitFor();
    expect(await page.locator(RETRY_BUTTON).count()).toBe(0);
    expectCleanPage(watched);
    await watched.context.close();

    for (const action of [`/queues/${queue}/${run.id}/retry`, `/queues/${queue}/pause`, "/queues/pause"]) {
      expect(await put(action, key)).toMatchObject({ status: 403, message: expect.stringContaining("operator") });
    }
    expect(await retriesOf(run.id)).toEqual([]);
    expect(await agentStatus(fleet, agentId)).toBe("error");
    expect((await listQueues(withKey(key))).map((one) => one.name)).not.toContain("maintenance");
    expect((await listQueues(fleet.http)).map((one) => one.name)).toContain("maintenance");
  });

  it("API-304, API-32 a key of one company sees and acts on its own queues only", async () => {
    const other = await createCompany(fleet, "Beta Labs");
    const file = `${fleet.scratch}/beta`;
    const theirs = await createAgent(fleet, {
      companyId: other,
      name: "Bert",
      adapterConfig: shell(`while [ ! -e ${file} ]; do sleep 0.1; done`),
    });
    const theirRun = await wake(fleet, theirs);
    const ours = await aBusyAgent("Anna");
    const ourRun = await wake(fleet, ours.agentId);
    const key = await aKey("admin", companyId);
    const names = (await listQueues(withKey(key), `Bert ${theirs}`)).map((one) => one.displayName);
    expect(names).toContain("Anna");
    expect(names).not.toContain("Bert");
    expect(await withKey(key).readText("/queues/find?q=Bert")).not.toContain(">Bert<");
    expect(await fleet.http.readText("/queues/find?q=Bert")).toContain(">Bert<");
    expect((await put(`/queues/${encodeURIComponent(`Bert ${theirs}`)}/pause`, key)).status).toBe(404);
    expect(
      (await withKey(key).get(`/queues/api/queues/${encodeURIComponent(`Bert ${theirs}`)}/${theirRun.id}`)).status,
    ).toBe(404);
    expect((await withKey(key).get("/queues/api/redis/stats")).status).toBe(403);
    expect(await agentStatus(fleet, theirs)).not.toBe("paused");
    writeFileSync(file, "");
    ours.letGo();
    await untilEnded(fleet, theirRun.id);
    await untilEnded(fleet, ourRun.id);
  });

  it("OP-20, QU-5 removing a waiting job cancels its run, pausing the queue pauses the agent, promoting runs a retry now", async () => {
    const { agentId } = await aBusyAgent("Paul");
    const queue = `/queues/${encodeURIComponent(`Paul ${agentId}`)}`;
    const running = await wake(fleet, agentId, { taskKey: "a" });
    const waiting = await wake(fleet, agentId, { taskKey: "b" });
    await eventually("the first to run", async () => (await readRun(fleet, running.id)).status === "running");

    expect((await put(`${queue}/${waiting.id}/clean`, fleet.adminKey)).status).toBe(204);
    expect(await untilEnded(fleet, waiting.id)).toMatchObject({ status: "cancelled" });
    expect(await put(`${queue}/${running.id}/promote`, fleet.adminKey)).toMatchObject({
      status: 409,
      message: "Only scheduled retries can be run now",
    });

    expect((await put(`${queue}/pause`, fleet.adminKey)).status).toBe(200);
    expect(await agentStatus(fleet, agentId)).toBe("paused");
    expect(await untilEnded(fleet, running.id)).toMatchObject({ status: "cancelled" });
    expect((await put(`${queue}/resume`, fleet.adminKey)).status).toBe(200);
    expect(await agentStatus(fleet, agentId)).toBe("idle");

    const later = await aScheduledRetry(agentId);
    await eventually("the delayed job", async () => {
      const [listed] = (await listQueues(fleet.http, `Paul ${agentId}`)).filter((one) => one.displayName === "Paul");
      return listed?.counts["delayed"] === 1;
    });
    writeFileSync(`${fleet.scratch}/Paul`, "");
    expect((await put(`${queue}/${later}/promote`, fleet.adminKey)).status).toBe(204);
    expect(await untilEnded(fleet, later)).toMatchObject({ status: "succeeded" });
  });

  it("QU-6, OP-20 refuses with a sentence what would go past Wakefleet's rules", async () => {
    const agentId = await createAgent(fleet, { companyId, name: "Rita", adapterConfig: shell("true") });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    const queue = `/queues/${encodeURIComponent(`Rita ${agentId}`)}`;
    for (const [action, status] of [
      [`${queue}/obliterate`, 409],
      [`${queue}/empty`, 409],
      [`${queue}/clean/completed`, 409],
      [`${queue}/concurrency`, 409],
      [`${queue}/rate-limit`, 409],
      [`${queue}/${run.id}/clean`, 409],
      ["/queues/pause", 409],
      ["/queues/maintenance/pause", 405],
      [`${queue}/00000000-0000-4000-8000-000000000000/retry`, 404],
      ["/queues/nobody/pause", 404],
    ] as const) {
      const answer = await put(action, fleet.adminKey);
      expect({ action, status: answer.status }).toEqual({ action, status });
      if (status === 409) expect(answer.message).toMatch(/\.$/);
    }
    const [listed] = (await listQueues(fleet.http, `Rita ${agentId}`)).filter((one) => one.displayName === "Rita");
    expect(listed?.counts["completed"]).toBe(1);
  });

  it("API-33 a session's action from another site is refused", async () => {
    const agentId = await createAgent(fleet, { companyId, name: "Sven", adapterConfig: shell("true") });
    const { context } = await openPage(browser, fleet, { key: fleet.adminKey });
    const path = `/queues/api/queues/${encodeURIComponent(`Sven ${agentId}`)}/pause`;
    const foreign = await context.request.put(path, { headers: { origin: "https://elsewhere.example" } });
    expect(foreign.status()).toBe(403);
    expect(await agentStatus(fleet, agentId)).toBe("idle");
    const own = await context.request.put(path, { headers: { origin: fleet.apiUrl } });
    expect(own.status()).toBe(200);
    await context.close();
  });

  it("API-41, API-53 no query and no body makes it fail", async () => {
    for (const query of [
      "activeQueue=%25E0%25A4%25A",
      "activeQueue=a&activeQueue=b",
      "page=x",
      "status=nonsense",
      "q=%00",
    ]) {
      expect((await fleet.http.open(`/queues/api/queues?${query}`)).status).toBeLessThan(500);
      expect((await fleet.http.open(`/queues/find?${query}`)).status).toBeLessThan(500);
      expect((await fleet.http.open(`/queues?${query}`)).status).toBeLessThan(500);
    }
    const agentId = await createAgent(fleet, { companyId, name: "Tove", adapterConfig: shell("true") });
    for (const [type, body, status] of [
      ["application/json", "{bad", 400],
      ["text/plain", "bad", 415],
      ["application/json", "null", 200],
    ] as const) {
      const answer = await fetch(`${fleet.apiUrl}/queues/api/queues/x%20${agentId}/resume`, {
        method: "PUT",
        headers: { authorization: `Bearer ${fleet.adminKey}`, "content-type": type },
        body,
      });
      expect({ body, status: answer.status }).toEqual({ body, status });
    }
  });
});

/** A retry of the agent that is due in an hour, as a failed run leaves one; answers its id. */
async function aScheduledRetry(agentId: string): Promise<string> {
  const [run] = await fleet.db.sql.query<{ id: string }>(
    `INSERT INTO heartbeat_runs (company_id, agent_id, invocation_source, status, context_snapshot, scheduled_retry_at,
                                 scheduled_retry_attempt, scheduled_retry_reason)
     VALUES ($1, $2, 'automation', 'scheduled_retry', '{}', now() + interval '1 hour', 1, 'transient_failure')
     RETURNING id`,
    [companyId, agentId],
  );
  if (run === undefined) throw new Error("the retry was not inserted");
  return run.id;
}
