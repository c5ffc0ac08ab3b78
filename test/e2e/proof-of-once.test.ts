/** What an agent writes when its worker was cut off from the fleet (BY-8): a second attempt is at work, and the first may not write. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, readRun, untilEnded, wake } from "../support/fleet-work.js";

/** One attempt, as the agent's server knows it: who it is, and its answer, which is still owed. */
interface Attempt {
  readonly runId: string;
  readonly claimToken: string;
  readonly answer: ServerResponse;
}

let fleet: Fleet;
let server: Server;
let url: string;
const attempts: Attempt[] = [];

beforeAll(async () => {
  fleet = await startFleet({ workers: 2 });
  server = createServer((req, answer) => {
    req.resume();
    attempts.push({
      runId: String(req.headers["x-wakefleet-run-id"]),
      claimToken: String(req.headers["x-wakefleet-claim-token"]),
      answer,
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/agent`;
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await fleet?.stop();
});

it("BY-8 the agent of a worker that was cut off writes nothing more; its successor does, and the ledger names the run", async () => {
  const companyId = await createCompany(fleet);
  const agentId = await createAgent(fleet, { companyId, adapterType: "http", adapterConfig: { url } });
  const { body: key } = await fleet.http.post<{ token: string }>(`/api/agents/${agentId}/keys`);
  const { body: issue } = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, {
    title: "Once",
  });
  const comment = async (attempt: Attempt, text: string): Promise<{ status: number; code: unknown }> => {
    const reply = await fetch(`${fleet.apiUrl}/api/issues/${issue.id}/comments`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${key.token}`,
        "content-type": "application/json",
        "x-wakefleet-run-id": attempt.runId,
        "x-wakefleet-claim-token": attempt.claimToken,
      },
      body: JSON.stringify({ body: text }),
    });
    return { status: reply.status, code: ((await reply.json()) as { code?: string }).code };
  };

  const { id } = await wake(fleet, agentId, { taskKey: "once" });
  const first = await eventually("the agent to be called", () => attempts.find((one) => one.runId === id));
  expect(await comment(first, "from the first")).toMatchObject({ status: 201 });

  const holder = await fleet.holderOf(id);
  holder.pause();
  const lost = await untilEnded(fleet, id);
  expect(lost).toMatchObject({ status: "failed", errorCode: "process_lost" });
  const next = await wake(fleet, agentId, { taskKey: "once" });
  const second = await eventually("the successor to be called", () => attempts.find((one) => one.runId === next.id));

  expect(await comment(first, "from the first, again")).toEqual({ status: 409, code: "stale_claim" });
  expect(await comment(second, "from the second")).toMatchObject({ status: 201 });

  holder.resume();
  for (const attempt of [first, second]) attempt.answer.end("done");
  expect(await untilEnded(fleet, second.runId)).toMatchObject({ status: "succeeded" });
  expect(await readRun(fleet, id)).toMatchObject({ status: "failed", errorCode: "process_lost" });

  const comments = await fleet.http.read<{ body: string }[]>(`/api/issues/${issue.id}/comments`);
  expect(comments.map(({ body }) => body).sort()).toEqual(["from the first", "from the second"]);
  const ledgerOf = async (runId: string): Promise<string[]> =>
    (await fleet.http.read<{ action: string }[]>(`/api/companies/${companyId}/activity?runId=${runId}`)).map(
      ({ action }) => action,
    );
  for (const { runId } of [first, second]) {
    expect((await ledgerOf(runId)).filter((action) => action === "issue.comment_added")).toHaveLength(1);
  }
  await expectNothingBroken(fleet, () => 1);
});
