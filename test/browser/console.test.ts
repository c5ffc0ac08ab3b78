/** The console in a real browser, over a real API and a real worker (OP-21). */
import { writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, readRun, untilEnded, untilSpawnStored, wake } from "../support/fleet-work.js";
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

const shell = (script: string) => ({ command: "/bin/sh", args: ["-c", script] });

/** A script that prints `first`, waits for a file, and prints `last`. */
function waitingScript(name: string): { script: string; go: () => void } {
  const file = `${fleet.scratch}/${name}`;
  return {
    script: `echo first; while [ ! -e ${file} ]; do sleep 0.1; done; echo last`,
    go: () => writeFileSync(file, ""),
  };
}

async function focused(page: Page): Promise<string> {
  return await page.evaluate<string>("document.activeElement?.textContent?.trim() ?? ''");
}

/** Presses Tab until the focus is on an element with this text. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === text) return;
  }
  throw new Error(`60 presses of Tab did not reach "${text}"`);
}

describe("the console", () => {
  it("API-33, API-304 sends a browser without a session to the login, and back to where it wanted to go", async () => {
    const { page, context } = await openPage(browser, fleet);
    await page.goto("/runs?status=failed");
    expect(new URL(page.url()).pathname).toBe("/login");

    await page.getByLabel("Key").fill("wfk_no_such_key");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").waitFor();

    await page.getByLabel("Key").fill(fleet.adminKey);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
    expect(page.url()).toBe(`${fleet.apiUrl}/runs?status=failed`);
    await context.close();
  });

  it("OP-21 shows the fleet, and a run with its live log while it runs, without loading a page again", async () => {
    const { script, go } = waitingScript("live");
    const agentId = await createAgent(fleet, { companyId, name: "Ada", adapterConfig: shell(script) });
    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page } = watched;
    await page.getByRole("heading", { name: "Fleet" }).waitFor();
    await page.getByRole("table", { name: "Workers" }).getByText("active").waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await page.evaluate("window.wasLoadedOnce = true");

    const run = await wake(fleet, agentId);
    await page.getByRole("table", { name: "Queues with work" }).getByRole("link", { name: "Ada" }).waitFor();
    await page.getByRole("table", { name: "Latest runs" }).getByRole("link").first().click();
    await page.waitForURL(`**/runs/${run.id}`);
    const log = page.getByRole("log");
    await log.getByText("first").waitFor();
    expect(await log.textContent()).not.toContain("last");
    expect((await readRun(fleet, run.id)).status).toBe("running");

    go();
    await log.getByText("last").waitFor();
    await page.locator(".badge", { hasText: "succeeded" }).waitFor();
    await page.getByText("run succeeded").waitFor();
    await page.locator("[data-log-state=ended]").waitFor();
    expect(await page.evaluate("window.wasLoadedOnce")).toBe(true);
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("BY-1 says why an agent runs one of two, why the other waits, and what was decided; by the keyboard, too", async () => {
    const { script, go } = waitingScript("why");
    const agentId = await createAgent(fleet, {
      companyId,
      name: "Wanda",
      adapterConfig: shell(script),
      heartbeat: { maxConcurrentRuns: 1 },
    });
    const first = await wake(fleet, agentId, { taskKey: "1" });
    await untilSpawnStored(fleet, first.id);
    const second = await wake(fleet, agentId, { taskKey: "2" });
    const watched = await openPage(browser, fleet, { key: fleet.adminKey, width: 360, height: 740 });
    const { page } = watched;
    await page.goto(`/agents/${agentId}`);
    const why = page.getByRole("region", { name: "Why" });
    await why.getByText("It is running: 1 of 1 slots are in use.").waitFor();
    await why.getByRole("link", { name: second.id.slice(-8) }).click();
    await page.waitForURL(`**/runs/${second.id}`);
    await why.getByText("The agent uses 1 of its 1 slots; this run is number 1 in its queue.").waitFor();
    await why.getByText("or maxConcurrentRuns is raised").waitFor();

    await tabTo(page, "Rule CL-18 and its facts");
    await page.keyboard.press("Enter");
    await why.getByText('"slotsOf": 1').waitFor();
    const [scrollWidth, width] = await page.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    expect(scrollWidth).toBe(width);

    go();
    await why.getByText("Its process ended well.").first().waitFor();
    await why.getByText("A worker took it in slot 1").waitFor();
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("API-180, API-182 shows what people are asked, and answers it: tasks, a confirmation, questions", async () => {
    const issue = (await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, { title: "What next?" }))
      .body.id;
    const ask = (kind: string, payload: object, more: object = {}) =>
      fleet.http.post(`/api/issues/${issue}/interactions`, { kind, payload: { version: 1, ...payload }, ...more });
    await ask("request_confirmation", { prompt: "Drop the old table?", rejectRequiresReason: true });
    await ask("suggest_tasks", {
      tasks: ["Draw", "Build", "Paint"].map((title) => ({ clientKey: title, title })),
    });
    const option = (id: string) => ({ id, label: id });
    await ask(
      "ask_user_questions",
      {
        questions: [
          {
            id: "q",
            prompt: "Which color?",
            selectionMode: "single",
            required: true,
            options: [option("Red"), option("Blue")],
          },
        ],
      },
      { title: "One question" },
    );
    const watched = await openPage(browser, fleet, { key: fleet.adminKey, width: 360, height: 740 });
    const { page } = watched;
    await page.goto(`/issues/${issue}`);
    const asked = page.getByRole("region", { name: "Asked of people" });

    const question = asked.getByRole("article", { name: "One question" });
    expect(await question.getByRole("button", { name: "Answer" }).isDisabled()).toBe(true);
    await question.getByRole("radio", { name: "Blue" }).check();
    await question.getByRole("button", { name: "Answer" }).click();
    await question.getByText("answered", { exact: true }).waitFor();
    await question.getByText("Blue").waitFor();

    const confirmation = asked.getByRole("article", { name: "Drop the old table?" });
    expect(await confirmation.getByRole("button", { name: "Decline" }).isDisabled()).toBe(true);
    await confirmation.getByLabel("Reason to decline").fill("we still read it");
    await confirmation.getByRole("button", { name: "Decline" }).click();
    await confirmation.getByText("we still read it").waitFor();

    const tasks = asked.getByRole("article", { name: "Draw, Build, Paint" });
    await tasks.getByRole("checkbox", { name: "Paint" }).uncheck();
    await tasks.getByRole("button", { name: "Accept 2 of 3" }).click();
    await tasks.getByText("accepted", { exact: true }).waitFor();
    const children = await fleet.db.sql.query("SELECT title FROM issues WHERE parent_id = $1 ORDER BY issue_number", [
      issue,
    ]);
    expect(children).toEqual([{ title: "Draw" }, { title: "Build" }]);
    const [scrollWidth, width] = await page.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    expect(scrollWidth).toBe(width);
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-21 has no sideways scrolling at the width of a phone, on any page", async () => {
    const long = "An agent whose name goes on for much longer than a phone is wide, and then some";
    const agentId = await createAgent(fleet, {
      companyId,
      name: long,
      adapterConfig: shell(`printf 'x%.0s' $(seq 1 500); echo; exit 3`),
    });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    const watched = await openPage(browser, fleet, { key: fleet.adminKey, width: 360, height: 740 });
    const { page } = watched;
    for (const path of ["/", "/agents", "/runs", `/agents/${agentId}`, `/runs/${run.id}`, "/queues/find?q=agent"]) {
      await page.goto(path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (path.startsWith("/runs/")) await page.locator("[data-log-state=ended]").waitFor();
      const [scrollWidth, width] = await page.evaluate<[number, number]>(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
      );
      expect({ path, scrollWidth }).toEqual({ path, scrollWidth: width });
    }
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-21, CN-1 the keyboard alone reaches the cancel button, and the run ends cancelled", async () => {
    const { script } = waitingScript("never");
    const agentId = await createAgent(fleet, { companyId, name: "Cyrus", adapterConfig: shell(script) });
    const run = await wake(fleet, agentId);
    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page } = watched;
    await page.goto(`/runs/${run.id}`);
    await page.getByRole("log").getByText("first").waitFor();

    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("To the content");
    await tabTo(page, "Cancel run");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Cancel this run?" }).waitFor();
    await page.keyboard.press("Escape");
    expect(await focused(page)).toBe("Cancel run");
    expect((await readRun(fleet, run.id)).status).toBe("running");

    await page.keyboard.press("c");
    await page.getByRole("dialog", { name: "Cancel this run?" }).waitFor();
    if ((await focused(page)) !== "Cancel the run") await tabTo(page, "Cancel the run");
    await page.keyboard.press("Enter");
    await page.locator(".badge", { hasText: "cancelled" }).waitFor();
    expect((await untilEnded(fleet, run.id)).status).toBe("cancelled");
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-21 tells its keys behind ?, and goes by them", async () => {
    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page } = watched;
    await page.getByRole("heading", { name: "Fleet" }).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" });

    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await page.getByRole("heading", { name: "Agents", exact: true }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("nobody of this name");
    await page.getByText("No agent is like this.").waitFor();
    expect(new URL(page.url()).searchParams.get("q")).toBe("nobody of this name");
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-21 wakes, pauses and resumes an agent, and runs a finished run's work again", async () => {
    const agentId = await createAgent(fleet, { companyId, name: "Dee", adapterConfig: shell("echo hello") });
    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page } = watched;
    await page.goto(`/agents/${agentId}`);
    await page.getByRole("button", { name: "Wake Dee" }).click();
    await page.getByText("Dee is woken.").waitFor();
    await page.getByRole("table", { name: "Runs of Dee" }).getByText("succeeded").waitFor();

    await page.getByRole("table", { name: "Runs of Dee" }).getByRole("link").first().click();
    await page.getByRole("button", { name: "Run again" }).click();
    await page.getByText("This run retries").waitFor();
    const again = await readRun(fleet, page.url().split("/").at(-1) ?? "");
    expect((await readRun(fleet, again.retryOfRunId ?? "")).agentId).toBe(agentId);

    await page.goto(`/agents/${agentId}`);
    await page.getByRole("button", { name: "Pause Dee" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume Dee" }).click();
    await page.getByRole("button", { name: "Wake Dee" }).waitFor();
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-21 shows names and output as text, whatever is in them", async () => {
    const evil = '<img src=x onerror="window.wasHit=1">';
    const agentId = await createAgent(fleet, {
      companyId,
      name: evil,
      adapterConfig: shell(`echo '<script>window.wasHit=2</script>'; echo '${evil}' >&2; exit 1`),
    });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page } = watched;
    for (const path of ["/agents", `/runs/${run.id}`, "/queues/find?q=onerror"]) {
      await page.goto(path);
      await page.getByText(evil).first().waitFor();
    }
    await page.goto(`/runs/${run.id}`);
    await page.getByRole("log").getByText("<script>window.wasHit=2</script>").waitFor();
    expect(await page.evaluate("window.wasHit ?? 0")).toBe(0);
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-21 opens a long log at its end, and shows all of it on demand", async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      name: "Lena",
      adapterConfig: shell("echo the very beginning; seq 1 200000; echo the very end"),
    });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    expect(run.logBytes).toBeGreaterThan(1_000_000);
    const watched = await openPage(browser, fleet, { key: fleet.adminKey });
    const { page } = watched;
    await page.goto(`/runs/${run.id}`);
    const log = page.getByRole("log");
    await log.getByText("the very end").waitFor();
    await page.locator("[data-log-state=ended]").waitFor();
    const tail = (await log.textContent()) ?? "";
    expect(tail).not.toContain("the very beginning");
    expect(tail.length).toBeGreaterThan(100_000);
    expect(tail.length).toBeLessThan(600_000);

    await page.getByRole("button", { name: "Show all of it" }).click();
    await log.getByText("the very beginning").waitFor();
    await log.getByText("the very end").waitFor();
    expectCleanPage(watched);
    await watched.context.close();
  });

  it("OP-21 serves a page that may run no scripts but its own", async () => {
    const answer = await fleet.http.open("/runs");
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain("unsafe");
    const html = await answer.text();
    expect(html).not.toMatch(/<script(?![^>]*\ssrc="\/assets\/)[^>]*>/);
    expect(html).not.toMatch(/https?:\/\//);
  });

  it("API-18, API-262 goes on by itself when the API comes back", async () => {
    const { script, go } = waitingScript("restart");
    const agentId = await createAgent(fleet, { companyId, name: "Eve", adapterConfig: shell(script) });
    const run = await wake(fleet, agentId);
    const { page, context } = await openPage(browser, fleet, { key: fleet.adminKey });
    await page.goto(`/runs/${run.id}`);
    await page.getByRole("log").getByText("first").waitFor();
    const { port } = new URL(fleet.apiUrl);
    fleet.apis[0]?.signal("SIGTERM");
    expect(await fleet.apis[0]?.ended).toEqual({ code: 0 });
    await page.getByText("reconnecting", { exact: true }).waitFor();
    await fleet.startApi({ env: { PORT: port } });
    go();
    await page.getByRole("log").getByText("last").waitFor();
    await page.locator(".badge", { hasText: "succeeded" }).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await context.close();
  });
});
