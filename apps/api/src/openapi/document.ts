/**
 * OpenAPI 3.1 from the route table (API-302): the schemas in the document are the ones that validate, so the two cannot
 * drift apart.
 */
import { ERRORS, type ErrorCode, problemSchema } from "@wakefleet/contracts";
import { z } from "zod";
import { BUDGET_HEADER } from "../http/budget-header.js";
import { isRepeatable, type ResponseDeclaration, type Route } from "../http/route.js";

type JsonSchema = Record<string, unknown>;

/** Errors that any route with credentials can answer. */
const COMMON_ERRORS: readonly ErrorCode[] = ["unauthenticated", "rate_limited", "internal", "store_unavailable"];
const BODY_ERRORS: readonly ErrorCode[] = [
  "invalid_json",
  "bad_request",
  "payload_too_large",
  "unsupported_media_type",
];

/** API-308. */
const REPEATABLE = {
  "Idempotency-Key":
    "Makes the call safe to repeat for 24 hours: the same key with the same request is answered as before",
};

/** BY-6: every answer to a run token bears it while there is something to tell, whatever its status. */
const BUDGET_HEADER_REFERENCE = { [BUDGET_HEADER]: { $ref: "#/components/headers/Budget" } };

/** Moves `$defs` of a schema to the document's components: references are read from the document's root there. */
class Components {
  readonly schemas: Record<string, JsonSchema> = {};
  private count = 0;

  add(schema: z.ZodType, io: "input" | "output"): JsonSchema {
    const json = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as JsonSchema;
    const { $schema: _schema, $defs: defs, ...rest } = json;
    const names = new Map<string, string>();
    for (const name of Object.keys((defs ?? {}) as object)) {
      this.count += 1;
      names.set(`#/$defs/${name}`, `Shared${this.count}`);
    }
    for (const [name, definition] of Object.entries((defs ?? {}) as Record<string, JsonSchema>)) {
      this.schemas[names.get(`#/$defs/${name}`) ?? name] = renamed(definition, names) as JsonSchema;
    }
    return renamed(rest, names) as JsonSchema;
  }
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      const name = key === "$ref" && typeof field === "string" ? names.get(field) : undefined;
      return [key, name === undefined ? renamed(field, names) : `#/components/schemas/${name}`];
    }),
  );
}

/** `/a/:id` as `/a/{id}`. */
export function openApiPath(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

function parametersOf(route: Route, components: Components): object[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const query = route.query === undefined ? {} : components.add(route.query, "input");
  const required = new Set((query["required"] as string[] | undefined) ?? []);
  const inQuery = Object.entries((query["properties"] ?? {}) as Record<string, JsonSchema>).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.has(name),
    schema,
  }));
  const inHeader = Object.entries({ ...(isRepeatable(route) ? REPEATABLE : {}), ...route.headers }).map(
    ([name, description]) => ({
      name,
      in: "header",
      required: false,
      description,
      schema: { type: "string" },
    }),
  );
  return [...inPath, ...inQuery, ...inHeader];
}

function requestBodyOf(route: Route, components: Components): object | undefined {
  if (route.bodyType === "form" && route.path === "/login") {
    const schema = {
      type: "object",
      properties: { key: { type: "string" }, next: { type: "string" } },
      required: ["key"],
    };
    return { required: true, content: { "application/x-www-form-urlencoded": { schema } } };
  }
  const body = route.bodyDocument ?? route.body;
  if (body === undefined) return undefined;
  const schema = components.add(body, "input");
  const example = route.example?.request;
  return {
    required: Array.isArray(schema["required"]) && schema["required"].length > 0,
    content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } },
  };
}

function responseOf(
  declared: ResponseDeclaration,
  use: { components: Components; example: unknown; common: Record<string, object> },
): object {
  const own = Object.entries(declared.headers ?? {}).map(([name, description]) => [
    name,
    { description, schema: { type: "string" } },
  ]);
  const headers = { ...Object.fromEntries(own), ...use.common };
  const type = declared.contentType ?? (declared.schema === undefined ? null : "application/json");
  const schema = declared.schema === undefined ? { type: "string" } : use.components.add(declared.schema, "output");
  return {
    description: declared.description,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(type === null
      ? {}
      : { content: { [type]: { schema, ...(use.example === undefined ? {} : { example: use.example }) } } }),
  };
}

function errorCodesOf(route: Route): ErrorCode[] {
  const common = route.access === "anyone" ? [] : COMMON_ERRORS;
  const body = route.method === "get" || route.bodyType === "form" ? [] : BODY_ERRORS;
  const repeated: ErrorCode[] = isRepeatable(route) ? ["conflict", "idempotency_key_reused"] : [];
  return [...new Set([...route.errors, ...common, ...body, ...repeated])];
}

/** Headers that the answers of a route bear beside their own. */
function commonHeadersOf(route: Route): Record<string, object> {
  return route.access === "anyone" ? {} : BUDGET_HEADER_REFERENCE;
}

function errorResponsesOf(route: Route): Record<string, object> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorCodesOf(route)) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const problem = { schema: { $ref: "#/components/schemas/Problem" } };
  const headers = commonHeadersOf(route);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join("; "),
        ...(Object.keys(headers).length === 0 ? {} : { headers }),
        content: { "application/json": problem, "application/problem+json": problem },
      },
    ]),
  );
}

function operationOf(route: Route, components: Components): object {
  const requestBody = requestBodyOf(route, components);
  const responses = Object.fromEntries(
    Object.entries(route.responses).map(([status, declared]) => [
      status,
      responseOf(declared, { components, example: route.example?.response, common: commonHeadersOf(route) }),
    ]),
  );
  return {
    summary: route.summary,
    description: `Rule ${route.rule}. Who: ${route.who}.`,
    operationId: `${route.method}${route.path.replace(/[^A-Za-z0-9]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    tags: [route.tag],
    security: route.access === "anyone" ? [] : [{ bearer: [] }, { session: [] }],
    parameters: parametersOf(route, components),
    ...(requestBody === undefined ? {} : { requestBody }),
    // The route's own answers win: /readyz says by its 503 what no problem says.
    responses: { ...errorResponsesOf(route), ...responses },
  };
}

/** The document of all routes. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const components = new Components();
  const problem = components.add(problemSchema, "output");
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method]: operationOf(route, components) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Wakefleet",
      version,
      description: "Wakes AI agents: nothing lost, nothing doubled, every decision explained.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { ...components.schemas, Problem: problem },
      headers: {
        Budget: {
          description:
            "To a run token while a budget of its agent, project or company is past its soft limit: what was spent of what, in cents",
          schema: { type: "string", examples: ["soft-limit; scope=agent; spent-cents=83; limit-cents=100"] },
        },
      },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key, an agent key or a run token" },
        session: { type: "apiKey", in: "cookie", name: "wf_session", description: "A browser session from /login" },
      },
    },
  };
}
