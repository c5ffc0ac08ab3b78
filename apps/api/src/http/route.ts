/**
 * The route table: each route is declared once, with what it takes, who may call it and what it answers. The same
 * declaration routes, validates and documents (API-302). Handlers stay thin: check access, call one use case, answer.
 */
import type { ErrorCode } from "@wakefleet/contracts";
import type { Request, Response } from "express";
import type { z } from "zod";
import type { Principal } from "../principal.js";

/** Names of the `:parameters` in a path. */
export type PathParam<Path extends string> = Path extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer Tail}`
    ? Name | PathParam<`/${Tail}`>
    : Rest
  : never;

/** An answer that is written at once. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
/** An answer of another type than JSON. */
export interface TextAnswer {
  readonly status: number;
  readonly text: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}
/** An answer that is written over time; it settles when the stream is over. */
export interface StreamAnswer {
  stream(res: Response): Promise<void>;
}
export type Answer = JsonAnswer | TextAnswer | StreamAnswer;

/** Who may call a route at all; guards inside the handler say the rest. */
export type RouteAccess =
  /** Anyone; credentials are not looked at. */
  | "anyone"
  /** Any principal, enqueue keys included (API-36). */
  | "caller_or_enqueue"
  /** Any principal but enqueue keys. */
  | "caller";

export type RateClass = "none" | "read" | "write" | "wakeup";

export interface RouteCall<Params extends string, Query, Body> {
  readonly params: Readonly<Record<Params, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The body as it was sent, before its schema. */
  readonly sent: unknown;
  /** The caller; on routes for anyone it must not be asked for. */
  readonly caller: Principal;
  readonly requestId: string;
  readonly req: Request;
  readonly res: Response;
  /** Bytes of the body after decompression. */
  readonly bodyBytes: number;
  /** Takes further tokens of the route's rate (a batch counts by its items, API-39). */
  takeTokens(tokens: number): Promise<void>;
}

export interface ResponseDeclaration {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RouteDeclaration<Path extends string, Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  readonly path: Path;
  /** One line: what it does. */
  readonly summary: string;
  readonly tag: string;
  readonly rule: string;
  readonly access: RouteAccess;
  /** The guards in words, for the document. */
  readonly who: string;
  readonly rate: RateClass;
  /** `?token=` is taken as a credential (API-29). */
  readonly tokenInQuery?: boolean;
  /** The answer holds texts that may name the OS user (API-16): they are masked where the instance wants it. */
  readonly masksUser?: true;
  readonly query?: Query;
  readonly body?: Body;
  /** Refuses by name what the schema would only call invalid. */
  readonly beforeSchema?: (sent: unknown) => void;
  /** What the document shows where the check is done item by item. */
  readonly bodyDocument?: z.ZodType;
  /** `form`: the handler reads `application/x-www-form-urlencoded` by itself. */
  readonly bodyType?: "json" | "form";
  /**
   * Where a repeated POST is not simply answered as the first one was (API-308). `own`: the route looks at the key by itself;
   * `secret_answer`: the answer holds what is shown only once, and is not kept.
   */
  readonly repeats?: "own" | "secret_answer";
  readonly headers?: Readonly<Record<string, string>>;
  readonly responses: Readonly<Record<number, ResponseDeclaration>>;
  readonly errors: readonly ErrorCode[];
  readonly example?: { readonly request?: unknown; readonly response?: unknown };
  handle(call: RouteCall<PathParam<Path>, z.output<Query>, z.output<Body>>): Promise<Answer>;
}

/** A declaration whose types were checked; the table holds them alike. */
export type Route = RouteDeclaration<string, z.ZodType, z.ZodType>;

/** Declares a route. The handler sees parsed values of its own schemas. */
export function route<
  const Path extends string,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(declaration: RouteDeclaration<Path, Query, Body>): Route {
  // The table forgets the handler's exact call type; `mountRoutes` gives it what its own schemas parsed.
  return declaration as unknown as Route;
}

/** Whether `Idempotency-Key` makes the route answer as it did the first time (API-308). */
export function isRepeatable(declared: Pick<Route, "method" | "access" | "repeats">): boolean {
  return declared.method === "post" && declared.access !== "anyone" && declared.repeats !== "own";
}

/** 200 with a body. */
export function ok(body: unknown, headers?: Readonly<Record<string, string>>): JsonAnswer {
  return headers === undefined ? { status: 200, body } : { status: 200, body, headers };
}

/** 201 with a body. */
export function created(body: unknown): JsonAnswer {
  return { status: 201, body };
}
