/** The board with two thousand queues that all have work (OP-20): bounded lists, few commands, no connections. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createCompany } from "../support/fleet-work.js";
import { expectCleanPage, launchBrowser, openPage } from "./support/browser.js";

const AGENTS = 2_000;
/** What the board lists at most: its busiest, the open one, and the maintenance. */
const LISTED_AT_MOST = 52;

let fleet: Fleet;
let browser: Browser;

beforeAll(async () => {
  // Stores of its own, so that commands and connections can be counted; no worker, so that the work stays.
  fleet = await startFleet({ workers: 0, stores: "private" });
  browser = await launchBrowser();
  const companyId = await createCompany(fleet);
  const agents = await fleet.db.sql.query<{ id: string }>(
    `INSERT INTO agents (company_id, name, role, adapter_type, adapter_config, runtime_config, permissions, status,
                         max_concurrent_runs)
     SELECT $1, 'Agent ' || n, 'general', 'process', '{"command": "true"}', '{}', '{}', 'idle', 1
       FROM generate_series(1, $2::int) n RETURNING id`,
    [companyId, AGENTS],
  );
  for (let from = 0; from < AGENTS; from += 1_000) {
    const items = agents.slice(from, from + 1_000).map(({ id }) => ({ agentId: id }));
    const { body } = await fleet.http.post<{ summary: { queued: number } }>("/api/wakeups/batch", { items });
    expect(body.summary.queued).toBe(items.length);
  }
});
afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
});

interface Used {
  readonly commands: number;
  readonly connections: number;
}

async function redisUse(): Promise<Used> {
  const stats = await fleet.redis.info("stats");
  const clients = await fleet.redis.info("clients");
  return {
    commands: Number(/^total_commands_processed:(\d+)/m.exec(stats)?.[1]),
    connections: Number(/^connected_clients:(\d+)/m.exec(clients)?.[1]),
  };
}

describe("the board with two thousand queues", () => {
  it("OP-20 opens with a bounded list, and finds the others by name", async () => {
    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page, requests } = watched;
    const listing = page.waitForResponse((response) => response.url().includes("/queues/api/queues?"));
    const before = requests.length;
    await page.goto("/queues");
    const { queues } = (await (await listing).json()) as { queues: { displayName: string }[] };
    expect(queues.length).toBeLessThanOrEqual(LISTED_AT_MOST);
    await page
      .getByRole("link", { name: queues[0]?.displayName ?? "" })
      .first()
      .waitFor();
    expect(requests.length - before).toBeLessThan(40);

    const listed = new Set(queues.map((queue) => queue.displayName));
    const missing = Array.from({ length: AGENTS }, (_, n) => `Agent ${n + 1}`).find((name) => !listed.has(name)) ?? "";
    await page.getByRole("searchbox", { name: "Find an agent's queue" }).fill(missing);
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByRole("link", { name: missing, exact: true }).click();
    await page.getByRole("heading", { name: missing }).waitFor();
    await page.getByText("on_demand").first().waitFor();
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-20, RL-24 asks Redis about the listed queues only, over the connection there is", async () => {
    await fleet.http.read("/queues/api/queues");
    const before = await redisUse();
    const { queues } = await fleet.http.read<{ queues: { name: string }[] }>("/queues/api/queues");
    const after = await redisUse();
    expect(queues.length).toBeGreaterThan(40);
    // Counts of the listed ones, a few for the maintenance queue, and what the fleet's processes say by themselves.
    expect(after.commands - before.commands).toBeLessThan(12 * LISTED_AT_MOST);
    for (const { name } of queues) {
      await fleet.http.read(`/queues/api/queues?activeQueue=${encodeURIComponent(encodeURIComponent(name))}`);
    }
    expect((await redisUse()).connections).toBe(before.connections);
  });

  it("OP-20, RL-5 says so while Redis is away instead of waiting for it", async () => {
    await fleet.stores.stopRedis();
    const answer = await fleet.http.get<{ message: string }>("/queues/api/queues");
    expect(answer).toMatchObject({ status: 503, body: { message: expect.stringContaining("Redis is away") } });
    expect(await fleet.http.readText("/queues/find?q=Agent%2017")).toContain("Agent 17");
  });
});
