/**
 * The lease of a run on its company's local environment (EN-2, EN-20 to EN-22, EN-40): taken with the run's start, given
 * back by the statement that ends the run, whoever ends it (EN-43, FI-13). Only the parts of those statements stand here.
 */
import type { JsonObject } from "@wakefleet/contracts";
import type { Sql } from "../sql.js";
import type { ActivityEntry } from "../wakeups/record-wakeups.js";

export interface LocalEnvironment {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
}

/** EN-2: makes it where the company has none; safe when many do it at once, an existing one is not changed. */
export async function ensureLocalEnvironment(sql: Sql, companyId: string): Promise<LocalEnvironment> {
  await sql.query(
    `INSERT INTO environments (company_id, name, description, driver, metadata)
     VALUES ($1, 'Local', 'Default execution environment for Wakefleet runs on this machine.', 'local',
             '{"managedByWakefleet": true, "defaultForCompany": true}')
     ON CONFLICT DO NOTHING`,
    [companyId],
    "make_local_environment",
  );
  const rows = await sql.query<LocalEnvironment>(
    "SELECT id, name, driver FROM environments WHERE company_id = $1 AND driver = 'local'",
    [companyId],
    "find_local_environment",
  );
  if (rows[0] === undefined) throw new Error(`the local environment of company ${companyId} vanished`);
  return rows[0];
}

/** A lease as it is taken. */
export interface NewLease {
  readonly id: string;
  readonly environmentId: string;
  readonly metadata: JsonObject;
}

/** AC-42: the lease's activity row, made of `l` (the lease) and `run`; `more` are our own further details. */
function leaseActivity(action: string, from: string, more: string): string {
  return `
    INSERT INTO activity_log (company_id, actor_type, actor_id, action, entity_type, entity_id, agent_id, run_id, details)
    SELECT l.company_id, 'agent', run.agent_id::text, '${action}', 'environment_lease', l.id::text, run.agent_id, run.id,
           jsonb_build_object('environmentId', l.environment_id, 'driver', l.metadata->>'driver',
             'leasePolicy', l.lease_policy, 'provider', l.provider, 'executionWorkspaceId', l.execution_workspace_id,
             'issueId', l.issue_id${more})
      FROM ${from} l, run
    RETURNING company_id, actor_type, actor_id, action, entity_type, entity_id, agent_id, run_id, details`;
}

/** Rows of `note` as activity entries, for the live events of the same content (AC-1). */
export function entriesOf(note: string): string {
  return `coalesce((SELECT jsonb_agg(jsonb_build_object('companyId', n.company_id, 'actorType', n.actor_type,
    'actorId', n.actor_id, 'action', n.action, 'entityType', n.entity_type, 'entityId', n.entity_id,
    'agentId', n.agent_id, 'runId', n.run_id, 'details', n.details)) FROM ${note} n), '[]'::jsonb)`;
}

/** What {@link entriesOf} answers. */
export type LeaseNotes = ActivityEntry[];

/**
 * Two steps of a statement that has a step `run`: the lease, and its note `lease_note`. `doc` is our own expression of a
 * JSON {@link NewLease} or null; `issue` the run's issue as a uuid.
 */
export function takeLease(doc: string, issue: string): string {
  return `
  lease AS (
    INSERT INTO environment_leases (id, company_id, environment_id, issue_id, heartbeat_run_id, provider, metadata)
    SELECT (d->>'id')::uuid, run.company_id, (d->>'environmentId')::uuid,
           (SELECT i.id FROM issues i WHERE i.id = ${issue} AND i.company_id = run.company_id), run.id, 'local', d->'metadata'
      FROM run, (SELECT ${doc} AS d) asked WHERE jsonb_typeof(d) = 'object'
    RETURNING *
  ),
  lease_note AS (${leaseActivity("environment.lease_acquired", "lease", "")})`;
}

/**
 * EN-40: two steps of a statement that has the steps `run` and `doc` (its `d` may hold a `failureReason`): the run's active
 * leases are released, each with its note.
 */
export const RELEASE_LEASES = `
  released AS (
    UPDATE environment_leases e SET released_at = now(), last_used_at = now(), updated_at = now(),
           status = CASE WHEN run.status IN ('failed','timed_out') THEN 'failed' ELSE 'released' END
      FROM run WHERE e.heartbeat_run_id = run.id AND e.status = 'active'
    RETURNING e.*
  ),
  lease_note AS (${leaseActivity(
    "environment.lease_released",
    "released",
    `, 'status', l.status, 'cleanupStatus', l.cleanup_status,
             'failureReason', coalesce((SELECT d->>'failureReason' FROM doc), l.failure_reason)`,
  )})`;
