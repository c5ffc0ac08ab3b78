/** What the tests of issues and their wakes share: the requests a change left, and agents in runs of their own. */
import {
  anAgentKey,
  expectStatus,
  type Json,
  markRunning,
  type Reply,
  type TestApi,
  type TestCompany,
} from "./support.js";

/** A wakeup request with the context of its run (or the one it keeps while it is deferred). */
export interface Asked {
  readonly id: string;
  readonly agentId: string;
  readonly source: string;
  readonly triggerDetail: string | null;
  readonly reason: string | null;
  readonly status: string;
  readonly payload: Json;
  readonly context: Json;
  readonly requester: { readonly type: string; readonly id: string };
  readonly runId: string | null;
}

/** The requests of an agent, oldest first; those of one issue where it is named. */
export async function requestsOf(api: TestApi, agentId: string, issueId?: string): Promise<Asked[]> {
  const rows = await api.db.sql.query<Asked>(
    `SELECT w.id, w.agent_id AS "agentId", w.source, w.trigger_detail AS "triggerDetail", w.reason, w.status,
            w.payload - '_wakefleetWakeContext' AS payload,
            coalesce(r.context_snapshot, w.payload->'_wakefleetWakeContext') AS context,
            jsonb_build_object('type', w.requested_by_actor_type, 'id', w.requested_by_actor_id) AS requester,
            w.run_id AS "runId"
       FROM agent_wakeup_requests w LEFT JOIN heartbeat_runs r ON r.id = w.run_id
      WHERE w.agent_id = $1 AND ($2::text IS NULL OR w.payload->>'issueId' = $2)
      ORDER BY w.requested_at, w.id`,
    [agentId, issueId ?? null],
  );
  return rows;
}

/** The one request of an agent about an issue. */
export async function onlyRequest(api: TestApi, agentId: string, issueId: string): Promise<Asked> {
  const asked = await requestsOf(api, agentId, issueId);
  const [first] = asked;
  if (first === undefined || asked.length > 1) {
    throw new Error(
      `expected one request, found ${JSON.stringify(asked.map(({ reason, status }) => [reason, status]))}`,
    );
  }
  return first;
}

export interface InRun {
  readonly agent: Json;
  readonly run: Json;
  readonly key: string;
  call(method: string, path: string, body?: object): Promise<Reply>;
}

/** An agent with a run that is running, about an issue where one is named, and how it calls the API in it. */
export async function anAgentInRun(
  api: TestApi,
  company: TestCompany,
  options: { readonly agent?: Json; readonly issueId?: string } = {},
): Promise<InRun> {
  const agent = options.agent ?? (await company.agent());
  const payload = options.issueId === undefined ? { taskKey: `t${Math.random()}` } : { issueId: options.issueId };
  const run = (await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: { payload } }), 202)).body;
  await markRunning(api, { id: run.id, agentId: agent.id });
  const key = await anAgentKey(api, agent.id);
  const headers = { "x-wakefleet-run-id": run.id };
  return {
    agent,
    run,
    key,
    call: (method, path, body) => api.call(method, path, { key, headers, ...(body === undefined ? {} : { body }) }),
  };
}
