import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { openEventStream } from "./event-stream.js";

let server: Server | null = null;
afterEach(() => new Promise((resolve) => (server === null ? resolve(undefined) : server.close(resolve))));

/** A server whose one route streams under `lifecycle`; answers its URL. */
async function streaming(lifecycle: { draining: boolean; closing: AbortSignal }): Promise<string> {
  const app = express();
  app.get("/stream", (_req, res) => openEventStream(res, lifecycle).end());
  app.use(((error: { code: string; status: number }, _req, res, _next) => {
    res.status(error.status).json({ code: error.code });
  }) as express.ErrorRequestHandler);
  return await listen(app);
}

async function listen(app: express.Express): Promise<string> {
  const listening = createServer(app);
  server = listening;
  await new Promise<void>((resolve) => void listening.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}/stream`;
}

describe("a stream that begins", () => {
  it("API-58 while the process stops is 503 shutting_down, not a stream that is cut", async () => {
    const reply = await fetch(await streaming({ draining: true, closing: AbortSignal.abort() }));
    expect([reply.status, await reply.json()]).toEqual([503, { code: "shutting_down" }]);
  });

  it("API-18 a dozen of them listen for the stop without a warning of a leak", async () => {
    const closing = new AbortController();
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", note);
    const app = express();
    app.get("/stream", (_req, res) => void openEventStream(res, { draining: false, closing: closing.signal }));
    const url = await listen(app);
    const replies = await Promise.all(Array.from({ length: 12 }, () => fetch(url)));
    closing.abort();
    await Promise.all(replies.map((reply) => reply.body?.cancel()));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  it("API-18 as the process stops gets the last event", async () => {
    const closing = new AbortController();
    const url = await streaming({ draining: false, closing: closing.signal });
    closing.abort();
    const reply = await fetch(url);
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain("event: stream.closing");
  });
});
