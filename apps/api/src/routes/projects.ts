/** Routes of projects and their workspaces (API-200 to API-205). */
import {
  projectCreateSchema,
  projectPatchSchema,
  projectSchema,
  projectWorkspaceCreateSchema,
  projectWorkspacePatchSchema,
  projectWorkspaceSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { clampedNumber, guidQuery } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import { createWorkspace, patchWorkspace, readWorkspaces, removeWorkspace } from "../projects/project-workspaces.js";
import {
  assertNoHostCommands,
  createProject,
  patchProject,
  readProject,
  readProjects,
  removeProject,
} from "../projects/projects.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "projects", access: "caller", who: "keys of the company" } as const;
const query = z.object({ companyId: guidQuery.describe("Where a short name is looked up") });
const readErrors = ["validation_failed", "not_found", "wrong_company", "conflict"] as const;
const writeErrors = [...readErrors, "bad_request", "forbidden", "unprocessable"] as const;
const one = { 200: { description: "The project", schema: projectSchema } };
const workspace = { 200: { description: "The workspace", schema: projectWorkspaceSchema } };

export function projectRoutes(deps: RouteDeps): Route[] {
  return [...ofProjects(deps), ...ofWorkspaces(deps)];
}

function ofProjects(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/projects",
      summary: "Lists a company's projects with their workspaces, oldest first",
      rule: "API-200",
      rate: "read",
      query: z.object({ limit: clampedNumber({ min: 1, max: 1_000, fallback: 500 }) }),
      responses: { 200: { description: "The projects", schema: z.array(projectSchema) } },
      errors: ["not_found", "wrong_company"],
      handle: async ({ caller, params, query }) => ok(await readProjects(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/companies/:companyId/projects",
      summary: "Creates a project, with its first workspace if one is given",
      rule: "API-201",
      rate: "write",
      body: projectCreateSchema,
      responses: { 201: { description: "Created", schema: projectSchema } },
      errors: writeErrors,
      example: { request: { name: "Website", workspace: { cwd: "/srv/website" } } },
      handle: async ({ caller, params, body, sent }) =>
        created(await createProject(deps, { caller, ...params, body, sent })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/projects/:id",
      summary: "Shows a project, by id or short name",
      rule: "API-200",
      rate: "read",
      query,
      responses: one,
      errors: readErrors,
      handle: async ({ caller, params, query }) => ok(await readProject(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "patch",
      path: "/api/projects/:id",
      summary: "Changes a project",
      rule: "API-202",
      rate: "write",
      query,
      body: projectPatchSchema,
      responses: one,
      errors: writeErrors,
      handle: async ({ caller, params, query, body, sent }) =>
        ok(await patchProject(deps, { caller, ...params, ...query, body, sent })),
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/projects/:id",
      summary: "Deletes a project that nothing refers to",
      rule: "API-203",
      who: "board",
      rate: "write",
      query,
      responses: one,
      errors: writeErrors,
      handle: async ({ caller, params, query }) => ok(await removeProject(deps, { caller, ...params, ...query })),
    }),
  ];
}

function ofWorkspaces(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/projects/:id/workspaces",
      summary: "Lists a project's workspaces, the primary one first",
      rule: "API-204",
      rate: "read",
      query,
      responses: { 200: { description: "The workspaces", schema: z.array(projectWorkspaceSchema) } },
      errors: readErrors,
      handle: async ({ caller, params, query }) => ok(await readWorkspaces(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/projects/:id/workspaces",
      summary: "Adds a workspace to a project",
      rule: "API-204",
      rate: "write",
      query,
      body: projectWorkspaceCreateSchema,
      responses: { 201: { description: "Created", schema: projectWorkspaceSchema } },
      errors: writeErrors,
      handle: async ({ caller, params, query, body, sent }) => {
        assertNoHostCommands(caller, sent);
        return created(await createWorkspace(deps, { caller, ...params, ...query, body }));
      },
    }),
    route({
      ...common,
      method: "patch",
      path: "/api/projects/:id/workspaces/:workspaceId",
      summary: "Changes a workspace of a project",
      rule: "API-205",
      rate: "write",
      query,
      body: projectWorkspacePatchSchema,
      responses: workspace,
      errors: writeErrors,
      handle: async ({ caller, params, query, body, sent }) => {
        assertNoHostCommands(caller, sent);
        return ok(await patchWorkspace(deps, { caller, ...params, ...query, body }));
      },
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/projects/:id/workspaces/:workspaceId",
      summary: "Deletes a workspace of a project",
      rule: "API-205",
      rate: "write",
      query,
      responses: workspace,
      errors: writeErrors,
      handle: async ({ caller, params, query }) => ok(await removeWorkspace(deps, { caller, ...params, ...query })),
    }),
  ];
}
