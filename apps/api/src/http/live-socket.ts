/**
 * Live events over WebSocket (API-260): one JSON event a message, server to client only. The upgrade is answered here,
 * beside Express, with the same authentication and company access as every route.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { type Authenticator, credentialOf } from "./authenticate.js";
import { insufficientScope } from "./guards.js";
import { subscriptionFor } from "./live-filter.js";
import { toWakefleetError } from "./problems.js";

const PING_EVERY_MS = 30_000;
/** A client with more than this unread is cut (API-263). */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Clients have nothing to say. */
const MAX_MESSAGE_BYTES = 1_024;
const PATH = /^\/api\/companies\/([^/]+)\/events\/ws$/;

/** Close codes of the WebSocket protocol: going away, and policy violated. */
const GOING_AWAY = 1001;
const TOO_SLOW = 1008;

type LiveSocketDeps = ApiDeps & { authenticator: Authenticator };

/** Takes upgrades of the event path on a server; others are refused. Returns how to close what is open. */
export function attachLiveSocket(server: Server, deps: LiveSocketDeps): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", (err) => deps.log.debug({ err }, "a client of the event socket went away"));
    admit(deps, req)
      .then((admitted) => {
        if ("refuse" in admitted) {
          refuse(socket, admitted.refuse);
          return;
        }
        sockets.handleUpgrade(req, socket, head, (client) => void feed(deps, { client, ...admitted }));
      })
      .catch((err: unknown) => {
        deps.log.error({ err }, "an upgrade failed unexpectedly");
        refuse(socket, 503);
      });
  });
}

type Admission = { caller: Principal; companyId: string } | { refuse: 401 | 403 | 404 | 503 };

/** API-260: 401 without credentials that work, 403 otherwise. */
async function admit(deps: LiveSocketDeps, req: IncomingMessage): Promise<Admission> {
  const url = new URL(req.url ?? "/", "http://local");
  const companyId = PATH.exec(url.pathname)?.[1];
  if (companyId === undefined) return { refuse: 404 };
  try {
    const credential = credentialOf(req, url.searchParams.get("token"));
    const address = req.socket.remoteAddress ?? "unknown";
    const caller = await deps.authenticator.authenticate({ req, credential, address });
    if (caller === null) return { refuse: 401 };
    if (caller.kind === "enqueue") throw insufficientScope();
    const company = await requireCompany(deps, { caller, companyId: decodeURIComponent(companyId) });
    return { caller, companyId: company.id };
  } catch (thrown) {
    const error = toWakefleetError(thrown);
    if (error.status >= 500) return { refuse: 503 };
    return { refuse: error.status === 401 ? 401 : 403 };
  }
}

const REASONS = { 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable" } as const;

function refuse(socket: Duplex, status: keyof typeof REASONS): void {
  const text = REASONS[status];
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `${status === 401 ? "WWW-Authenticate: Bearer\r\n" : ""}Content-Length: ${text.length}\r\n\r\n${text}`,
  );
}

async function feed(
  deps: LiveSocketDeps,
  connection: { client: WebSocket; caller: Principal; companyId: string },
): Promise<void> {
  const { client } = connection;
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, deps.lifecycle.closing]);
  client.on("close", () => over.abort());
  client.on("error", () => over.abort());
  keepAlive(client, signal);
  try {
    const events = deps.live.subscribe(subscriptionFor({ ...connection, query: {}, lastEventId: null, signal }));
    for await (const event of events) {
      client.send(JSON.stringify(event));
      if (client.bufferedAmount > MAX_BUFFERED_BYTES) {
        client.close(TOO_SLOW, "reads too slowly");
        break;
      }
    }
  } catch (err) {
    if (!signal.aborted) deps.log.warn({ err }, "an event socket ended early");
  } finally {
    over.abort();
    if (deps.lifecycle.closing.aborted) {
      client.send(JSON.stringify({ companyId: connection.companyId, type: "stream.closing", payload: {} }));
    }
    client.close(GOING_AWAY);
  }
}

/** Pings every 30 s and cuts a client that missed one. */
function keepAlive(client: WebSocket, signal: AbortSignal): void {
  let answered = true;
  client.on("pong", () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered) {
      client.terminate();
      return;
    }
    answered = false;
    client.ping();
  }, PING_EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
