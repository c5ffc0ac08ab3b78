/** Logs and live events (API-123, API-260 to API-263, API-303, API-18): spec 02 checks 43, 44, 46. */
import type { LiveEventDraft } from "@wakefleet/contracts";
import { closeRedis, connectRedis, createLiveEventPublisher, silentLog } from "@wakefleet/queue";
import { createLocalRunLogStore, type RunLogWriter } from "@wakefleet/run-logs";
import { testRedisUrl } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  markEnded,
  markRunning,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(async () => {
  await Promise.all(writers.map((writer) => writer.close()));
  await api.stop();
});

const writers: RunLogWriter[] = [];

async function openLog(run: Json): Promise<RunLogWriter> {
  const store = createLocalRunLogStore({ dir: api.logDir });
  const writer = await store.openRunLog({
    companyId: company.id,
    agentId: run.agentId,
    runId: run.id,
    maxBytes: 1_000_000,
  });
  writers.push(writer);
  return writer;
}

interface StreamEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: Json;
}

/** An open event stream; `next` waits for one more event. */
interface OpenStream {
  readonly response: Response;
  readonly head: string[];
  next(): Promise<StreamEvent | null>;
  cut(): void;
}

async function openStream(path: string, headers: Record<string, string> = {}, of: TestApi = api): Promise<OpenStream> {
  const cut = new AbortController();
  const response = await fetch(new URL(path, of.url), {
    headers: { authorization: `Bearer ${of.adminKey}`, ...headers },
    signal: cut.signal,
  });
  const head: string[] = [];
  const blocks = blocksOf(response);
  return {
    response,
    head,
    cut: () => cut.abort(),
    async next() {
      for (;;) {
        const block = await blocks.next().catch(() => ({ done: true, value: "" }) as const);
        if (block.done === true) return null;
        const fields = new Map(
          block.value
            .split("\n")
            .map((line: string) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
        );
        const event = fields.get("event");
        if (event === undefined) head.push(block.value);
        else return { id: fields.get("id") ?? null, event, data: JSON.parse(fields.get("data") ?? "null") };
      }
    },
  };
}

async function* blocksOf(response: Response): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 2);
    }
  }
}

async function aRunWithLog(
  chunks: readonly string[],
): Promise<{ run: Json; agent: Json; append(chunk: string): Promise<void> }> {
  const agent = await company.agent();
  const run = (await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202)).body;
  await markRunning(api, { id: run.id, agentId: agent.id });
  const writer = await openLog(run);
  await api.db.sql.query("UPDATE heartbeat_runs SET log_store = 'local_file', log_ref = $2 WHERE id = $1", [
    run.id,
    writer.ref,
  ]);
  const append = async (chunk: string): Promise<void> => void (await writer.append("stdout", chunk));
  for (const chunk of chunks) await append(chunk);
  return { run, agent, append };
}

describe("API-123 log pages", () => {
  it("API-123 page by page, a byte at a time, gives the whole log with every character whole (02-43)", async () => {
    const chunks = ["plain\n", "snow ☃ and face 😀 and 漢字\n", "😀😀"];
    const { run } = await aRunWithLog(chunks);
    const path = `/api/heartbeat-runs/${run.id}/log`;
    const whole = await expectStatus(api.call("GET", path), 200);
    expect(whole.body).toMatchObject({ runId: run.id, store: "local_file", endOfRun: false });
    expect(whole.body).not.toHaveProperty("nextOffset");
    expect(whole.headers.get("cache-control")).toBe("no-cache, no-store");
    const lines = whole.body.content
      .trim()
      .split("\n")
      .map((line: string) => JSON.parse(line));
    expect(lines.map((line: Json) => line.chunk).join("")).toBe(chunks.join(""));
    let content = "";
    let offset: number | undefined = 0;
    while (offset !== undefined) {
      const page: Json = (await expectStatus(api.call("GET", `${path}?limitBytes=1&offset=${offset}`), 200)).body;
      content += page.content;
      offset = page.nextOffset;
    }
    expect(content).toBe(whole.body.content);
    expect(content).not.toContain("\uFFFD");
    await markEnded(api, run.id);
    expect((await api.call("GET", path)).body.endOfRun).toBe(true);
  });

  it("API-123 a run without a log is 404", async () => {
    const agent = await company.agent();
    const run = (await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202)).body;
    expect((await expectStatus(api.call("GET", `/api/heartbeat-runs/${run.id}/log`), 404)).body.error).toBe(
      "Run log not found",
    );
  });
});

describe("API-303 log stream", () => {
  it("API-303 follows a running run and ends with it, also from a process that did not start it (02-46)", async () => {
    const { run, append } = await aRunWithLog(["one\n"]);
    const stream = await openStream(`/api/heartbeat-runs/${run.id}/log/stream`);
    expect(stream.response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(stream.response.headers.get("x-accel-buffering")).toBe("no");
    const first = await stream.next();
    expect(first).toMatchObject({ event: "log", data: { stream: "stdout", chunk: "one\n" } });
    expect(stream.head[0]).toBe("retry: 2000");
    await append("two\n");
    const second = await stream.next();
    expect(second?.data).toMatchObject({ chunk: "two\n", offset: Number(second?.id) });
    await append("three\n");
    await markEnded(api, run.id);
    expect((await stream.next())?.data.chunk).toBe("three\n");
    const end = await stream.next();
    expect(end).toMatchObject({
      event: "end",
      data: { status: "succeeded", errorCode: null, exitCode: null, totalBytes: expect.any(Number) },
    });
    expect(await stream.next()).toBeNull();
    const resumed = await openStream(`/api/heartbeat-runs/${run.id}/log/stream`, { "last-event-id": first?.id ?? "" });
    expect((await resumed.next())?.data.chunk).toBe("two\n");
    resumed.cut();
    const byOffset = await openStream(`/api/heartbeat-runs/${run.id}/log/stream?offset=${second?.id}`);
    expect((await byOffset.next())?.data.chunk).toBe("three\n");
    byOffset.cut();
  });

  it("API-303 a run without a log yet waits for it", async () => {
    const agent = await company.agent();
    const run = (await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202)).body;
    const stream = await openStream(`/api/heartbeat-runs/${run.id}/log/stream`);
    const writer = await openLog(run);
    await writer.append("stdout", "late\n");
    expect((await stream.next())?.data.chunk).toBe("late\n");
    stream.cut();
    await expectStatus(api.call("GET", "/api/heartbeat-runs/00000000-0000-4000-8000-000000000000/log/stream"), 404);
  });
});

describe("API-261, API-262 live events by server-sent events", () => {
  const issueOf = async (title: string): Promise<void> => void (await company.issue({ title }));

  it("API-262 a client that was cut comes back with its last id and sees what the other saw (02-44)", async () => {
    const path = `/api/companies/${company.id}/events/stream?types=activity.*`;
    const [steady, shaky] = [await openStream(path), await openStream(path)];
    // Events are live only once both listen: the first one each sees says so.
    const warm = async (stream: OpenStream): Promise<StreamEvent | null> => {
      const timer = setInterval(() => void issueOf("warm-up"), 100);
      try {
        return await stream.next();
      } finally {
        clearInterval(timer);
      }
    };
    await warm(steady);
    let last = (await warm(shaky))?.id ?? "0";
    shaky.cut();
    for (const title of ["a", "b", "c"]) await issueOf(title);
    const back = await openStream(path, { "last-event-id": last });
    await issueOf("last");
    const ids = async (stream: OpenStream): Promise<string[]> => {
      const seen: string[] = [];
      for (;;) {
        const event = await stream.next();
        seen.push(event?.id ?? "none");
        if (event === null || event.data.payload.details.title === "last") return seen;
      }
    };
    const [whole, rest] = [await ids(steady), await ids(back)];
    expect(rest).toEqual(whole.filter((id) => Number(id) > Number(last)));
    expect([...whole].map(Number)).toEqual([...new Set(whole.map(Number))].sort((a, b) => a - b));
    last = rest.at(-1) ?? "";
    steady.cut();
    back.cut();
  });

  it("API-15, AC-1 a mutation is told after its commit, with redacted details", async () => {
    const stream = await openStream(`/api/companies/${company.id}/events/stream?lastEventId=1&types=activity.logged`);
    await issueOf("sk-abcdefghijklmnop leaked");
    for (;;) {
      const event = await stream.next();
      if (event?.event !== "activity.logged" || !event.data.payload.details?.title?.includes("leaked")) continue;
      expect(event.data).toMatchObject({
        id: Number(event.id),
        companyId: company.id,
        type: "activity.logged",
        createdAt: expect.any(String),
      });
      expect(event.data.payload).toMatchObject({
        action: "issue.created",
        actorType: "user",
        details: { title: "***REDACTED*** leaked" },
      });
      break;
    }
    stream.cut();
  });

  it("AC-1, AC-2, AC-3 details are redacted by whole words, in the row and in the event (08-48)", async () => {
    const stream = await openStream(`/api/companies/${company.id}/events/stream?types=activity.logged`);
    const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    const body = {
      actorId: "deploy",
      action: "deploy.checked",
      entityType: "deploy",
      entityId: "1",
      details: { authorization: "x", author: "ann", said: jwt, host: "a.b.c", list: ["plain", "sk-abcdefghijklmnop"] },
    };
    const details = {
      authorization: "***REDACTED***",
      author: "ann",
      said: "***REDACTED***",
      host: "a.b.c",
      list: ["plain", "***REDACTED***"],
    };
    const made = await expectStatus(api.call("POST", `/api/companies/${company.id}/activity`, { body }), 201);
    const [row] = await api.db.sql.query<Json>("SELECT details FROM activity_log WHERE id = $1", [made.body.id]);
    expect(row.details).toEqual(details);
    for (;;) {
      const event = await stream.next();
      if (event?.data.payload?.action !== "deploy.checked") continue;
      expect(event.data.payload.details).toEqual(details);
      break;
    }
    stream.cut();
  });

  it("API-260 operators of every company hear the fleet, agents do not", async () => {
    const agent = await company.agent();
    const key = await anAgentKey(api, agent.id);
    const redis = connectRedis({ url: testRedisUrl(), name: "test", log: silentLog });
    const publisher = createLiveEventPublisher({ redis, prefix: api.prefix, log: silentLog });
    const events: LiveEventDraft[] = [
      { companyId: "*", type: "worker.status", payload: { workerId: "w", hostname: "h", state: "started" } },
      { companyId: company.id, type: "agent.status", payload: { agentId: agent.id, status: "idle", outcome: "idle" } },
    ];
    const path = `/api/companies/${company.id}/events/stream?types=worker.status,agent.status`;
    const streams = [await openStream(path), await openStream(path, { authorization: `Bearer ${key}` })];
    const timer = setInterval(() => void publisher.publish(events), 50);
    const types = async (stream: OpenStream): Promise<string[]> => [
      (await stream.next())?.event ?? "",
      (await stream.next())?.event ?? "",
      (await stream.next())?.event ?? "",
    ];
    const [board, own] = await Promise.all(streams.map(types));
    clearInterval(timer);
    expect(board).toContain("worker.status");
    expect(own).toEqual(["agent.status", "agent.status", "agent.status"]);
    for (const stream of streams) stream.cut();
    await closeRedis(redis);
  });
});

describe("API-260 live events by WebSocket", () => {
  function connect(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; socket: WebSocket; text: string }> {
    const socket = new WebSocket(`${api.url.replace("http", "ws")}${path}`, { headers });
    return new Promise((resolve, reject) => {
      socket.on("open", () => resolve({ status: 101, socket, text: "" }));
      socket.on("error", reject);
      socket.on("unexpected-response", (_req, res) => {
        let text = "";
        res.on("data", (chunk) => (text += chunk));
        res.on("end", () => resolve({ status: res.statusCode ?? 0, socket, text }));
      });
    });
  }

  it("API-260 one JSON event a message", async () => {
    const { status, socket } = await connect(`/api/companies/${company.id}/events/ws?token=${api.adminKey}`);
    expect(status).toBe(101);
    const message = new Promise<Json>((resolve) => socket.on("message", (data) => resolve(JSON.parse(String(data)))));
    const timer = setInterval(() => void company.issue(), 50);
    expect(await message).toMatchObject({
      id: expect.any(Number),
      companyId: company.id,
      type: expect.any(String),
      payload: expect.any(Object),
    });
    clearInterval(timer);
    socket.close();
  });

  it("API-260 refuses with 401 without credentials and 403 otherwise, in words", async () => {
    const path = `/api/companies/${company.id}/events/ws`;
    expect(await connect(path)).toMatchObject({ status: 401, text: "Unauthorized" });
    expect(await connect(path, { authorization: "Bearer wfk_wrong" })).toMatchObject({ status: 401 });
    const foreign = await anAgentKey(api, (await (await aCompany(api)).agent()).id);
    expect(await connect(path, { authorization: `Bearer ${foreign}` })).toMatchObject({
      status: 403,
      text: "Forbidden",
    });
    const { token } = await aKey(api, { scope: "enqueue", companyId: company.id });
    expect(await connect(`${path}?token=${token}`)).toMatchObject({ status: 403 });
    expect(await connect("/api/companies/%zz/events/ws", { authorization: `Bearer ${api.adminKey}` })).toMatchObject({
      status: 403,
    });
    expect(await connect("/elsewhere")).toMatchObject({ status: 404 });
  });
});

describe("API-18 stopping", () => {
  it("API-18 open streams get a last event and end; an answer under way is finished", async () => {
    const own = await startTestApi();
    const { id } = await aCompany(own);
    const stream = await openStream(`/api/companies/${id}/events/stream`, {}, own);
    const answers = Promise.all(Array.from({ length: 20 }, () => own.call("GET", `/api/companies/${id}`)));
    await answers;
    const late = Promise.allSettled(
      Array.from({ length: 20 }, () => own.call("POST", `/api/companies/${id}/issues`, { body: { title: "x" } })),
    );
    await own.stop();
    expect(await stream.next()).toMatchObject({ event: "stream.closing" });
    expect(await stream.next()).toBeNull();
    for (const reply of await late) {
      // Refused at the door is fine; cut in the middle is not: that would be a reset after the request was taken.
      if (reply.status === "fulfilled") expect(reply.value.status).toBe(201);
    }
  });
});
