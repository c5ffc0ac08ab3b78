/** A gateway on loopback that a test scripts: answers requests, sends events, remembers every frame it got. */
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { type WebSocket, WebSocketServer } from "ws";

/** What the stub answers to one request; nothing is answered for undefined. */
export type StubAnswer = { readonly payload: JsonObject } | { readonly error: JsonObject } | undefined;

export interface StubGateway {
  readonly url: string;
  /** Requests in the order they came, over all connections. */
  readonly requests: readonly { readonly method: string; readonly params: JsonObject; readonly connection: number }[];
  /** Headers of each handshake. */
  readonly handshakes: readonly IncomingHttpHeaders[];
  /** Open connections. */
  connections(): number;
  stop(): Promise<void>;
}

export interface StubGatewayScript {
  /** Null sends no challenge. Default `nonce-<connection>`. */
  readonly nonce?: string | null;
  /** Answers a request; `send` sends further frames, before or after the answer. */
  answer(
    request: { readonly method: string; readonly params: JsonObject; readonly connection: number },
    send: (frame: JsonObject) => void,
  ): StubAnswer | Promise<StubAnswer>;
}

/** Starts a stub on a free port of 127.0.0.1. */
export async function startStubGateway(script: StubGatewayScript): Promise<StubGateway> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  const requests: { method: string; params: JsonObject; connection: number }[] = [];
  const handshakes: IncomingHttpHeaders[] = [];

  server.on("connection", (socket: WebSocket, handshake) => {
    handshakes.push(handshake.headers);
    const connection = handshakes.length;
    const send = (frame: JsonObject): void => socket.send(JSON.stringify(frame));
    if (script.nonce !== null) {
      send({ type: "event", event: "connect.challenge", payload: { nonce: script.nonce ?? `nonce-${connection}` } });
    }
    socket.on("message", async (data: Buffer) => {
      const frame = JSON.parse(data.toString("utf8")) as JsonObject;
      const request = { method: String(frame["method"]), params: asJsonObject(frame["params"]), connection };
      requests.push(request);
      const answer = await script.answer(request, send);
      if (answer === undefined) return;
      if ("payload" in answer) send({ type: "res", id: frame["id"] ?? "", ok: true, payload: answer.payload });
      else send({ type: "res", id: frame["id"] ?? "", ok: false, error: answer.error });
    });
  });

  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    handshakes,
    connections: () => server.clients.size,
    async stop() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
