/** Deleting an agent (API-82, AL-16, AC-6, DM-16) and a company (API-65, DM-17). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  markEnded,
  markRunning,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

type Row = Record<string, unknown>;
const rows = async (sql: string, values: unknown[] = []): Promise<Row[]> => await api.db.sql.query<Row>(sql, values);

/** The tables of the database that name a company. */
async function companyTables(): Promise<string[]> {
  const found = await rows(
    `SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
      WHERE c.column_name = 'company_id' AND c.table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY 1`,
  );
  return found.map(({ table_name }) => String(table_name));
}

/** How many rows each such table has for a company. */
async function countsOf(companyId: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of await companyTables()) {
    const [row] = await rows(`SELECT count(*)::int AS n FROM ${table} WHERE company_id = $1`, [companyId]);
    counts[table] = Number(row?.["n"]);
  }
  return counts;
}

async function aWake(agentId: string, body: object = {}): Promise<Json> {
  return (await expectStatus(api.call("POST", `/api/agents/${agentId}/wakeup`, { body }), 202)).body;
}

/** Puts at least one row into every table that names a company, each naming as much of the rest as it can. */
async function fill(company: TestCompany): Promise<{ agentId: string; otherId: string; runId: string }> {
  const boss = await company.agent();
  const agent = await company.agent({ reportsTo: boss.id, budgetMonthlyCents: 500 });
  await anAgentKey(api, agent.id);
  const issue = await company.issue({ title: "Parent" });
  const child = await company.issue({ title: "Child", parentId: issue.id });
  await expectStatus(api.call("PATCH", `/api/agents/${agent.id}`, { body: { title: "Changed" } }), 200);
  const run = await aWake(agent.id, { payload: { issueId: issue.id } });
  const waiting = await aWake(boss.id);
  await markRunning(api, { id: run.id, agentId: agent.id });
  await aKey(api, { scope: "operator", companyId: company.id });
  const statements = `
    INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type) VALUES ($1, $3, $2, 1, 'x');
    INSERT INTO heartbeat_run_watchdog_decisions (company_id, run_id, evaluation_issue_id, decision, created_by_agent_id)
      VALUES ($1, $3, $4, 'continue', $2);
    INSERT INTO agent_task_sessions (company_id, agent_id, adapter_type, task_key, last_run_id) VALUES ($1, $2, 'process', 'k', $3);
    INSERT INTO projects (id, company_id, name, lead_agent_id) VALUES ($6, $1, 'P', $2);
    INSERT INTO project_workspaces (company_id, project_id, name) VALUES ($1, $6, 'W');
    INSERT INTO execution_workspaces (company_id, project_id, source_issue_id, mode, strategy_type, name)
      VALUES ($1, $6, $4, 'shared_workspace', 'project_primary', 'E');
    UPDATE issues SET project_id = $6, checkout_run_id = $3, execution_run_id = $3, assignee_agent_id = $2,
      execution_workspace_id = (SELECT id FROM execution_workspaces WHERE company_id = $1) WHERE id = $4;
    INSERT INTO workspace_operations (company_id, execution_workspace_id, heartbeat_run_id, phase)
      SELECT $1, id, $3, 'worktree_prepare' FROM execution_workspaces WHERE company_id = $1;
    INSERT INTO workspace_runtime_services (id, company_id, project_id, issue_id, scope_type, service_name, status, lifecycle,
                                            provider, owner_agent_id, started_by_run_id)
      VALUES (gen_random_uuid(), $1, $6, $4, 'run', 's', 'running', 'shared', 'local_process', $2, $3);
    INSERT INTO environment_leases (company_id, environment_id, issue_id, heartbeat_run_id)
      SELECT $1, id, $4, $3 FROM environments WHERE company_id = $1;
    INSERT INTO issue_relations (company_id, issue_id, related_issue_id, type, created_by_agent_id) VALUES ($1, $4, $5, 'blocks', $2);
    INSERT INTO issue_comments (company_id, issue_id, author_agent_id, created_by_run_id, body) VALUES ($1, $4, $2, $3, 'by it');
    INSERT INTO issue_comments (company_id, issue_id, author_user_id, body) VALUES ($1, $4, 'person', 'by a person');
    INSERT INTO documents (id, company_id, latest_body, created_by_agent_id) VALUES ($7, $1, 'b', $2);
    INSERT INTO document_revisions (company_id, document_id, revision_number, body, created_by_run_id) VALUES ($1, $7, 1, 'b', $3);
    INSERT INTO issue_documents (company_id, issue_id, document_id, key) VALUES ($1, $4, $7, 'k');
    INSERT INTO issue_work_products (company_id, issue_id, project_id, type, status, provider, title, created_by_run_id)
      VALUES ($1, $4, $6, 'branch', 'active', 'p', 't', $3);
    INSERT INTO issue_tree_holds (id, company_id, root_issue_id, mode, created_by_agent_id, created_by_run_id)
      VALUES ($8, $1, $4, 'pause', $2, $3);
    INSERT INTO issue_tree_hold_members (company_id, hold_id, issue_id, issue_title, issue_status, assignee_agent_id, active_run_id)
      VALUES ($1, $8, $4, 't', 'todo', $2, $3);
    INSERT INTO issue_execution_decisions (company_id, issue_id, stage_id, stage_type, actor_agent_id, outcome, body, created_by_run_id)
      VALUES ($1, $4, gen_random_uuid(), 'review', $2, 'approved', 'b', $3);
    INSERT INTO issue_thread_interactions (company_id, issue_id, kind, payload, source_run_id, created_by_agent_id)
      VALUES ($1, $4, 'ask_user_questions', '{}', $3, $2);
    INSERT INTO approvals (id, company_id, type, payload, requested_by_agent_id) VALUES ($9, $1, 'budget_override_required', '{}', $2);
    INSERT INTO issue_approvals (company_id, issue_id, approval_id) VALUES ($1, $4, $9);
    INSERT INTO budget_incidents (company_id, policy_id, scope_type, scope_id, metric, window_kind, window_start, window_end,
                                  threshold_type, amount_limit, amount_observed, approval_id)
      SELECT $1, id, 'agent', $2, metric, window_kind, now(), now(), 'soft', 1, 1, $9 FROM budget_policies
       WHERE company_id = $1 AND scope_id = $2;
    INSERT INTO budget_counters (company_id, scope_type, scope_id, window_start) VALUES ($1, 'agent', $2, now());
    INSERT INTO company_secrets (id, company_id, name, created_by_agent_id) VALUES ($10, $1, 'S', $2);
    INSERT INTO company_secret_versions (secret_id, version, material, value_sha256) VALUES ($10, 1, '{}', 'x');
    INSERT INTO provider_accounts (company_id, provider, credential, limited_by_run_id) VALUES ($1, 'p', 'c', $3);
    UPDATE agents SET provider_account_id = (SELECT id FROM provider_accounts WHERE company_id = $1) WHERE id = $2;
    UPDATE heartbeat_runs SET provider_account_id = (SELECT id FROM provider_accounts WHERE company_id = $1) WHERE id = $3;
    INSERT INTO company_skills (company_id, key, slug, name, markdown) VALUES ($1, 'k', 's', 'n', 'm');
    INSERT INTO company_memberships (company_id, principal_type, principal_id) VALUES ($1, 'agent', $2::uuid::text);
    INSERT INTO idempotency_records (company_id, principal, route, key, fingerprint, state, expires_at)
      VALUES ($1, 'p', 'r', $1::uuid::text, 'f', 'done', now());
    INSERT INTO activity_log (company_id, actor_type, actor_id, action, entity_type, entity_id, agent_id, run_id)
      VALUES ($1, 'agent', $2::uuid::text, 'of.the.agent', 'x', 'x', $2, $3),
             ($1, 'system', 'system', 'about.its.run', 'x', 'x', null, $3),
             ($1, 'user', 'person', 'of.a.person', 'x', 'x', $2, $3),
             ($1, 'agent', $11::uuid::text, 'of.another', 'x', 'x', $11, $3)`;
  const ids = (await rows("SELECT gen_random_uuid() AS id FROM generate_series(1, 5)")).map(({ id }) => id);
  const values = [company.id, agent.id, run.id, issue.id, child.id, ...ids, boss.id];
  for (const statement of statements.split(";\n")) {
    // Each statement names its own few of the values: they are counted anew.
    const used: unknown[] = [];
    const text = statement.replace(/\$(\d+)/g, (_, position: string) => {
      const value = values[Number(position) - 1];
      if (!used.includes(value)) used.push(value);
      return `$${used.indexOf(value) + 1}`;
    });
    await rows(text, used);
  }
  expect(waiting.status).toBe("queued");
  return { agentId: agent.id, otherId: boss.id, runId: run.id };
}

async function spend(companyId: string, agentId: string): Promise<void> {
  await rows(
    `INSERT INTO cost_events (company_id, agent_id, provider, model, cost_cents, occurred_at)
     VALUES ($1, $2, 'p', 'm', 1, now())`,
    [companyId, agentId],
  );
}

describe("deleting a company", () => {
  it("API-65, DM-17 everything of it goes, whatever it holds; nothing of another company does", async () => {
    const kept = await aCompany(api);
    await fill(kept);
    await spend(kept.id, (await kept.agent()).id);
    const company = await aCompany(api);
    const { agentId, runId } = await fill(company);
    await spend(company.id, agentId);
    const empty = Object.entries(await countsOf(company.id)).filter(([, count]) => count === 0);
    expect(empty, "tables that this test must fill").toEqual([]);
    const before = await countsOf(kept.id);
    const agentKey = await anAgentKey(api, agentId);
    const path = `/api/companies/${company.id}`;

    const refused = await expectStatus(api.call("DELETE", path), 409);
    expect(refused.body).toMatchObject({ code: "conflict", error: expect.stringContaining("running runs") });
    await markEnded(api, runId);
    expect((await expectStatus(api.call("DELETE", path), 200)).body).toEqual({ ok: true });

    expect(Object.values(await countsOf(company.id)).reduce((sum, count) => sum + count, 0)).toBe(0);
    expect(
      await rows(
        "SELECT FROM company_secret_versions v LEFT JOIN company_secrets s ON s.id = v.secret_id WHERE s.id IS NULL",
      ),
    ).toEqual([]);
    expect(await countsOf(kept.id)).toEqual(before);
    await expectStatus(api.call("GET", path), 404);
    await expectStatus(api.call("DELETE", path), 404);
    await expectStatus(api.call("GET", "/api/agents/me", { key: agentKey }), 401);
    expect(api.logged.some((line) => line.includes("company.deleted") && line.includes(company.id))).toBe(true);
  });

  it("API-65 is for the instance's administrator", async () => {
    const company = await aCompany(api);
    const bound = (await aKey(api, { scope: "admin", companyId: company.id })).token;
    const operator = (await aKey(api, { scope: "operator" })).token;
    const agent = await anAgentKey(api, (await company.agent({ role: "ceo" })).id);
    for (const key of [bound, operator, agent]) {
      const refused = await expectStatus(api.call("DELETE", `/api/companies/${company.id}`, { key }), 403);
      expect(refused.body.error).toBe("Instance admin access required");
    }
    await expectStatus(api.call("GET", `/api/companies/${company.id}`), 200);
  });

  it("API-65, WK-11 a company is deleted while wakes pour in: each is accepted before or finds no agent", async () => {
    for (let round = 0; round < 10; round += 1) {
      const company = await aCompany(api);
      const agents = await Promise.all([company.agent(), company.agent()]);
      const wakes = Array.from({ length: 12 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
        return (await api.call("POST", `/api/agents/${agents[index % 2]?.id}/wakeup`, { body: {} })).status;
      });
      const deletion = new Promise((resolve) => setTimeout(resolve, Math.random() * 40)).then(() =>
        api.call("DELETE", `/api/companies/${company.id}`),
      );
      const statuses = await Promise.all(wakes);
      expect((await deletion).status).toBe(200);
      expect(statuses.filter((status) => status !== 202 && status !== 404)).toEqual([]);
      expect(Object.values(await countsOf(company.id)).every((count) => count === 0)).toBe(true);
    }
  });
});

describe("deleting an agent", () => {
  it("API-82, AL-16, DM-16 its own goes, its issues lose it, and AC-6 others' history stays", async () => {
    const company = await aCompany(api);
    const { agentId, otherId, runId } = await fill(company);
    const below = await company.agent({ reportsTo: agentId });
    const path = `/api/agents/${agentId}`;
    const key = await anAgentKey(api, agentId);

    const running = await expectStatus(api.call("DELETE", path), 409);
    expect(running.body.error).toContain("running runs");
    await markEnded(api, runId);
    const waiting = await aWake(agentId);
    await spend(company.id, agentId);
    const costly = await expectStatus(api.call("DELETE", path), 409);
    expect(costly.body.error).toBe("Agent has cost history; terminate it instead");
    expect((await expectStatus(api.call("GET", path), 200)).body.status).not.toBe("terminated");
    await rows("DELETE FROM cost_events WHERE agent_id = $1", [agentId]);
    expect((await expectStatus(api.call("DELETE", path), 200)).body).toEqual({ ok: true });

    await expectStatus(api.call("GET", path), 404);
    await expectStatus(api.call("DELETE", path), 404);
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 401);
    for (const id of [runId, waiting.id]) await expectStatus(api.call("GET", `/api/heartbeat-runs/${id}`), 404);
    expect((await expectStatus(api.call("GET", `/api/agents/${below.id}`), 200)).body.reportsTo).toBeNull();
    const issues = (await expectStatus(api.call("GET", `/api/companies/${company.id}/issues`), 200)).body;
    expect(issues).toHaveLength(2);
    for (const issue of issues) {
      expect(issue).toMatchObject({
        assigneeAgentId: null,
        createdByAgentId: null,
        executionRunId: null,
        checkoutRunId: null,
      });
    }
    const parent = issues.find(({ title }: Json) => title === "Parent");
    const comments = (await expectStatus(api.call("GET", `/api/issues/${parent.id}/comments`), 200)).body;
    expect(comments.map(({ body }: Json) => body)).toEqual(["by a person"]);

    const history = await rows("SELECT action, agent_id, run_id FROM activity_log WHERE company_id = $1", [company.id]);
    const of = (action: string): Row[] => history.filter((row) => row["action"] === action);
    expect(of("of.the.agent")).toEqual([]);
    expect(of("about.its.run")).toEqual([]);
    expect(of("of.a.person")).toEqual([{ action: "of.a.person", agent_id: null, run_id: null }]);
    expect(of("of.another")).toEqual([{ action: "of.another", agent_id: otherId, run_id: null }]);
    const activity = (await expectStatus(api.call("GET", `/api/companies/${company.id}/activity`), 200)).body;
    expect(activity[0]).toMatchObject({
      action: "agent.deleted",
      actorType: "user",
      entityType: "agent",
      entityId: agentId,
    });
    expect(await rows("SELECT FROM budget_policies WHERE scope_id = $1", [agentId])).toEqual([]);
    expect(await rows("SELECT FROM principal_permission_grants WHERE principal_id = $1", [agentId])).toEqual([]);
    expect(await rows("SELECT FROM heartbeat_runs WHERE agent_id = $1", [otherId])).toHaveLength(1);
  });

  it("API-82 is for the board, by id or short name", async () => {
    const company = await aCompany(api);
    const agent = await company.agent({ name: "To be gone" });
    const ceo = await anAgentKey(api, (await company.agent({ role: "ceo" })).id);
    const refused = await expectStatus(api.call("DELETE", `/api/agents/${agent.id}`, { key: ceo }), 403);
    expect(refused.body.error).toBe("Missing permission: agents:create");
    await expectStatus(api.call("DELETE", `/api/agents/to-be-gone?companyId=${company.id}`), 200);
    await expectStatus(api.call("GET", `/api/agents/${agent.id}`), 404);
  });
});
