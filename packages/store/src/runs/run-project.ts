/** The project a run belongs to, as far as its set-up needs it: its `env` (SC-6) and where its code lies (WS-10, WS-11). */
import type { JsonValue } from "@wakefleet/contracts";
import type { Sql } from "../sql.js";

/** One workspace of a project as it is stored. */
export interface ProjectWorkspaceFacts {
  readonly id: string;
  readonly cwd: string | null;
  readonly repoUrl: string | null;
  readonly repoRef: string | null;
}

export interface RunProject {
  readonly id: string;
  readonly env: JsonValue;
  readonly executionWorkspacePolicy: JsonValue;
  /** The issue's, else the context's (WS-10); it may be none of `workspaces`. */
  readonly preferredWorkspaceId: string | null;
  /** Oldest first (WS-11). */
  readonly workspaces: readonly ProjectWorkspaceFacts[];
}

/** What a run says about its place: the issue, and what its context names where the issue names nothing. */
export interface RunPlace {
  readonly companyId: string;
  readonly issueId: string | null;
  readonly projectId: string | null;
  readonly projectWorkspaceId: string | null;
}

/** Null when the run has no project of its company. Ids are UUIDs. */
export async function readRunProject(sql: Sql, place: RunPlace): Promise<RunProject | null> {
  const rows = await sql.query<RunProject>(
    `SELECT p.id, p.env, p.execution_workspace_policy AS "executionWorkspacePolicy",
            coalesce(i.project_workspace_id, $4) AS "preferredWorkspaceId",
            (SELECT coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'cwd', w.cwd, 'repoUrl', w.repo_url,
                      'repoRef', w.repo_ref) ORDER BY w.created_at, w.id), '[]')
               FROM project_workspaces w WHERE w.project_id = p.id AND w.company_id = p.company_id) AS workspaces
       FROM (SELECT 1) one LEFT JOIN issues i ON i.id = $2 AND i.company_id = $1
       JOIN projects p ON p.id = coalesce(i.project_id, $3) AND p.company_id = $1`,
    [place.companyId, place.issueId, place.projectId, place.projectWorkspaceId],
    "read_run_project",
  );
  return rows[0] ?? null;
}
