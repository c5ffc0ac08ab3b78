/**
 * Request bodies (API-6, API-9, API-10): read after authentication, bounded after decompression, JSON only, at most 100
 * levels deep. NUL and lone surrogates are mended here once for every route (DM-8).
 */
import { type JsonValue, WakefleetError } from "@wakefleet/contracts";
import { wellFormedText } from "@wakefleet/domain";
import express, { type Request, type Response } from "express";

const MAX_DEPTH = 100;
const JSON_TYPE = /^application\/(?:json|[\w.+-]+\+json)\s*(?:;|$)/i;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** What the parser in front of us says went wrong. */
interface ReadError extends Error {
  readonly type?: string;
  readonly status?: number;
}

export interface ReadBody {
  readonly value: JsonValue;
  /** Bytes after decompression. */
  readonly bytes: number;
}

/** Reads and parses a JSON body; an absent one counts as `{}` (API-6). */
export async function readJsonBody(req: Request, res: Response, limitBytes: number): Promise<ReadBody> {
  const bytes = await readBytes(req, res, limitBytes);
  if (bytes.length === 0) return { value: {}, bytes: 0 };
  const type = req.headers["content-type"];
  if (type === undefined || !JSON_TYPE.test(type)) {
    throw new WakefleetError("unsupported_media_type", "Unsupported media type");
  }
  return { value: checked(parseJson(decodeUtf8(bytes))), bytes: bytes.length };
}

/** Reads the fields of a form (`/login`). */
export async function readFormBody(req: Request, res: Response, limitBytes: number): Promise<URLSearchParams> {
  if (!FORM_TYPE.test(req.headers["content-type"] ?? "")) {
    throw new WakefleetError("unsupported_media_type", "Unsupported media type");
  }
  return new URLSearchParams(decodeUtf8(await readBytes(req, res, limitBytes)));
}

async function readBytes(req: Request, res: Response, limitBytes: number): Promise<Buffer> {
  const read = express.raw({ type: () => true, limit: limitBytes, inflate: true });
  await new Promise<void>((resolve, reject) => {
    read(req, res, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(readFailure(error as ReadError, limitBytes));
    });
  });
  const body: unknown = req.body;
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function readFailure(error: ReadError, limitBytes: number): unknown {
  if (error.type === "entity.too.large") {
    return new WakefleetError("payload_too_large", "Request body is too large", { limitBytes });
  }
  if (error.type === "encoding.unsupported") {
    return new WakefleetError("unsupported_media_type", "Unsupported media type");
  }
  if (error.status !== undefined && error.status < 500) {
    return new WakefleetError("bad_request", "The request body could not be read", undefined, { cause: error });
  }
  return error;
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new WakefleetError("invalid_json", "Request body is not valid JSON", { reason: "not UTF-8" }, { cause });
  }
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    const position = positionOf(cause, text);
    throw new WakefleetError(
      "invalid_json",
      "Request body is not valid JSON",
      position === null ? undefined : { position },
      { cause },
    );
  }
}

/** Where the syntax error is, as far as the engine says; at an early end it is the end. */
function positionOf(error: unknown, text: string): number | null {
  const message = error instanceof Error ? error.message : "";
  const found = /at position (\d+)/.exec(message)?.[1];
  if (found !== undefined) return Number(found);
  return /Unexpected end|Unterminated/.test(message) ? text.length : null;
}

/** Refuses what is nested too deeply, and mends texts PostgreSQL refuses. Walks with a stack of its own, not the call stack. */
function checked(root: JsonValue): JsonValue {
  let level: JsonValue[] = [root];
  let needsMending = false;
  for (let depth = 1; level.length > 0; depth += 1) {
    const next: JsonValue[] = [];
    for (const value of level) {
      if (typeof value === "string") {
        needsMending ||= wellFormedText(value) !== value;
      } else if (typeof value === "object" && value !== null) {
        if (depth > MAX_DEPTH) {
          throw new WakefleetError("bad_request", `Request body is nested more than ${MAX_DEPTH} levels deep`);
        }
        for (const [key, child] of Object.entries(value)) {
          needsMending ||= wellFormedText(key) !== key;
          next.push(child);
        }
      }
    }
    level = next;
  }
  return needsMending ? mended(root) : root;
}

function mended(value: JsonValue): JsonValue {
  if (typeof value === "string") return wellFormedText(value);
  if (Array.isArray(value)) return value.map(mended);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [wellFormedText(key), mended(child)]));
}
