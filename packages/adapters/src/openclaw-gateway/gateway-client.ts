/**
 * One WebSocket connection to a gateway and the frames on it (AD-313, AD-314): requests get one answer each, by id;
 * events come in between.
 *
 * What must stay true: every promise handed out settles, whatever the other side does (answers, closes, is silent);
 * nothing the gateway sends can throw here; after `close` nothing more is told.
 */
import { randomUUID } from "node:crypto";
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";
import { errorText, firstText } from "../event-fields.js";

/** A frame larger than this ends the connection. */
const MAX_FRAME_BYTES = 25 * 1024 * 1024;

/** The gateway answered a request with an error. */
export class GatewayRequestError extends Error {
  override readonly name = "GatewayRequestError";
  constructor(
    message: string,
    /** The gateway's own code; null when it gave none. */
    readonly code: string | null,
    /** The gateway's `error.details`. */
    readonly details: JsonObject,
  ) {
    super(message);
  }
}

export interface GatewayConnection {
  /**
   * Sends a request and waits for its answer's payload.
   * @throws GatewayRequestError for an error answer; Error when the time is up or the connection ends.
   */
  request(request: GatewayRequest): Promise<JsonObject>;
  /** Ends the connection at once. May be called at any time and more than once. */
  close(): void;
}

export interface GatewayRequest {
  readonly method: string;
  readonly params: JsonObject;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Skips an answer with status `accepted`: the final one is yet to come (AD-314). */
  readonly expectFinal?: boolean;
}

export interface GatewayConnectOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for the handshake, for the challenge and for the answer to `connect`, each. */
  readonly timeoutMs: number;
  /** Ends everything at once (AD-321). */
  readonly signal: AbortSignal;
  /** Builds the `connect` request from the server's nonce. */
  connectParams(nonce: string): JsonObject;
  /** Told of every event but the challenge; nothing more is read until it resolves. Must not reject. */
  onEvent?(name: string, payload: JsonObject): Promise<void>;
  /** Told that the socket is open and the challenge came; used by the environment test. */
  onChallenge?(): void;
}

interface Pending {
  readonly expectFinal: boolean;
  settle(outcome: { readonly payload: JsonObject } | { readonly error: Error }): void;
}

/**
 * Opens a connection, answers the challenge and signs in.
 * @throws GatewayRequestError when the gateway refuses; Error when it is not there, not in time or not a gateway; the
 * signal's reason when aborted.
 */
export async function connectGateway(options: GatewayConnectOptions): Promise<GatewayConnection> {
  // Read once it is wanted: it costs a process 4 MB.
  const { WebSocket } = await import("ws");
  options.signal.throwIfAborted();
  const socket = new WebSocket(options.url, {
    headers: options.headers,
    handshakeTimeout: options.timeoutMs,
    maxPayload: MAX_FRAME_BYTES,
  });
  const pending = new Map<string, Pending>();
  let ended: Error | null = null;
  let giveNonce: (nonce: string) => void = () => undefined;
  let failNonce: (error: Error) => void = () => undefined;
  const nonceGiven = new Promise<string>((resolve, reject) => {
    giveNonce = resolve;
    failNonce = reject;
  });
  // It may fail while nobody waits for it yet.
  nonceGiven.catch(() => undefined);

  const end = (error: Error): void => {
    if (ended !== null) return;
    ended = error;
    options.signal.removeEventListener("abort", onAbort);
    failNonce(error);
    for (const waiting of [...pending.values()]) waiting.settle({ error });
    socket.terminate();
  };
  const onAbort = (): void => {
    const reason: unknown = options.signal.reason;
    end(reason instanceof Error ? reason : new Error("Run was cancelled"));
  };
  options.signal.addEventListener("abort", onAbort, { once: true });

  socket.on("error", (cause: Error) => end(new Error(`Gateway connection failed: ${cause.message}`, { cause })));
  socket.on("close", (code: number, reason: Buffer) => {
    const why = reason.toString("utf8").slice(0, 200);
    end(new Error(`Gateway closed the connection (${code})${why === "" ? "" : `: ${why}`}`));
  });
  socket.on("message", (data: Buffer | ArrayBuffer | Buffer[]) => {
    const frame = parseFrame(data);
    if (frame === null || ended !== null) return;
    if (frame["type"] === "event") onEventFrame(frame);
    else if (frame["type"] === "res") onResponseFrame(frame);
  });

  const onEventFrame = (frame: JsonObject): void => {
    const name = firstText(frame, ["event"]) ?? "";
    const payload = asJsonObject(frame["payload"]);
    if (name !== "connect.challenge") {
      if (options.onEvent === undefined) return;
      socket.pause();
      void options.onEvent(name, payload).then(() => socket.resume());
      return;
    }
    const nonce = firstText(payload, ["nonce"]);
    if (nonce !== null) {
      options.onChallenge?.();
      giveNonce(nonce);
    }
  };

  const onResponseFrame = (frame: JsonObject): void => {
    const waiting = pending.get(firstText(frame, ["id"]) ?? "");
    if (waiting === undefined) return;
    const payload = asJsonObject(frame["payload"]);
    if (frame["ok"] === false || (frame["ok"] !== true && isJsonObject(frame["error"]))) {
      waiting.settle({ error: requestError(frame["error"]) });
    } else if (!(waiting.expectFinal && payload["status"] === "accepted")) {
      waiting.settle({ payload });
    }
  };

  const request: GatewayConnection["request"] = async ({ method, params, timeoutMs, expectFinal = false }) => {
    if (ended !== null) throw ended;
    const id = randomUUID();
    return await new Promise<JsonObject>((resolve, reject) => {
      const timer = setTimeout(() => {
        pending.get(id)?.settle({ error: new Error(`Gateway request timeout (${method}) after ${timeoutMs}ms`) });
      }, timeoutMs);
      pending.set(id, {
        expectFinal,
        settle(outcome) {
          clearTimeout(timer);
          pending.delete(id);
          if ("error" in outcome) reject(outcome.error);
          else resolve(outcome.payload);
        },
      });
      socket.send(JSON.stringify({ type: "req", id, method, params }), (error) => {
        if (error) pending.get(id)?.settle({ error: new Error(`Gateway request could not be sent: ${error.message}`) });
      });
    });
  };

  const connection: GatewayConnection = { request, close: () => end(new Error("The connection was closed here")) };
  try {
    const nonce = await within(nonceGiven, {
      timeoutMs: options.timeoutMs,
      message: `Gateway connect timeout: no challenge within ${options.timeoutMs}ms`,
    });
    const params = options.connectParams(nonce);
    await request({ method: "connect", params, timeoutMs: options.timeoutMs });
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function parseFrame(data: Buffer | ArrayBuffer | Buffer[]): JsonObject | null {
  try {
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer);
    const frame: unknown = JSON.parse(bytes.toString("utf8"));
    return isJsonObject(frame) ? frame : null;
  } catch {
    // Not a frame of this protocol: as if it had not come.
    return null;
  }
}

function requestError(error: JsonValue | undefined): GatewayRequestError {
  const fields = asJsonObject(error);
  return new GatewayRequestError(
    errorText(error) ?? "The gateway refused the request",
    firstText(fields, ["code"]),
    asJsonObject(fields["details"]),
  );
}

async function within<T>(
  promise: Promise<T>,
  limit: { readonly timeoutMs: number; readonly message: string },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(limit.message)), limit.timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
