/** Routes of issue documents (API-163 to API-166). */
import { documentPutSchema, documentRevisionSchema, documentSchema, okSchema } from "@wakefleet/contracts";
import { z } from "zod";
import {
  putDocument,
  readDocument,
  readDocumentRevisions,
  readDocuments,
  removeDocument,
  restoreDocumentRevision,
} from "../documents/documents.js";
import { clampedNumber, flagField } from "../http/query-fields.js";
import { ok, type Route, route } from "../http/route.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "documents", access: "caller", who: "keys of the company" } as const;
const changer = "board; agents that may change the issue";
const readErrors = ["bad_request", "not_found", "wrong_company"] as const;
const writeErrors = ["validation_failed", "unauthenticated", ...readErrors, "forbidden", "conflict"] as const;

export function documentRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/documents",
      summary: "Lists an issue's documents with their texts, by key",
      rule: "API-163",
      rate: "read",
      query: z.object({ includeSystem: flagField }),
      responses: { 200: { description: "The documents", schema: z.array(documentSchema) } },
      errors: readErrors,
      handle: async ({ caller, params, query }) => ok(await readDocuments(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/documents/:key",
      summary: "Shows a document of an issue",
      rule: "API-164",
      rate: "read",
      responses: { 200: { description: "The document", schema: documentSchema } },
      errors: readErrors,
      handle: async ({ caller, params }) => ok(await readDocument(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/documents/:key/revisions",
      summary: "Lists what a document was, newest first",
      rule: "API-164",
      rate: "read",
      query: z.object({ limit: clampedNumber({ min: 1, max: 500, fallback: 100 }) }),
      responses: { 200: { description: "The revisions", schema: z.array(documentRevisionSchema) } },
      errors: readErrors,
      handle: async ({ caller, params, query }) =>
        ok(await readDocumentRevisions(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "put",
      path: "/api/issues/:id/documents/:key",
      summary: "Writes a document on the revision it was read as",
      rule: "API-165",
      who: changer,
      rate: "write",
      body: documentPutSchema,
      responses: {
        200: { description: "Updated", schema: documentSchema },
        201: { description: "Created", schema: documentSchema },
      },
      errors: writeErrors,
      example: { request: { title: "Plan", format: "markdown", body: "# Plan" } },
      handle: async ({ caller, params, body }) => {
        const { document, isNew } = await putDocument(deps, { caller, ...params, body });
        return { status: isNew ? 201 : 200, body: document };
      },
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/documents/:key/revisions/:revisionId/restore",
      summary: "Makes an earlier revision the latest again",
      rule: "API-166",
      who: changer,
      rate: "write",
      responses: { 200: { description: "The document", schema: documentSchema } },
      errors: writeErrors,
      handle: async ({ caller, params }) => ok(await restoreDocumentRevision(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/issues/:id/documents/:key",
      summary: "Deletes a document with its revisions",
      rule: "API-166",
      who: "board",
      rate: "write",
      responses: { 200: { description: "Deleted", schema: okSchema } },
      errors: writeErrors,
      handle: async ({ caller, params }) => {
        await removeDocument(deps, { caller, ...params });
        return ok({ ok: true });
      },
    }),
  ];
}
