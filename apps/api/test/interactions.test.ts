/** Interactions of issues over HTTP (API-180 to API-182) and whom their answers wake (W14, W15). Payloads are compared whole. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anAgentInRun, type InRun, onlyRequest, requestsOf } from "./issue-support.js";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  markEnded,
  type Reply,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(() => api.stop());

const NOWHERE = "00000000-0000-4000-8000-000000000000";
const at = (issueId: string, rest = ""): string => `/api/issues/${issueId}/interactions${rest}`;
const ask = async (issueId: string, body: object): Promise<Json> =>
  (await expectStatus(api.call("POST", at(issueId), { body }), 201)).body;
const resolve = (interaction: Json, verb: string, body: object = {}): Promise<Reply> =>
  api.call("POST", at(interaction.issueId, `/${interaction.id}/${verb}`), { body });
const listed = async (issueId: string): Promise<Json[]> => (await expectStatus(api.call("GET", at(issueId)), 200)).body;
const activityOf = async (issueId: string): Promise<Json[]> =>
  (await expectStatus(api.call("GET", `/api/issues/${issueId}/activity`), 200)).body;

const CONFIRM = { kind: "request_confirmation", payload: { version: 1, prompt: "Drop the table?" } };
const confirm = (over: object = {}, payload: object = {}): object => ({
  ...CONFIRM,
  ...over,
  payload: { ...CONFIRM.payload, ...payload },
});
const suggest = (tasks: object[], over: object = {}): object => ({
  kind: "suggest_tasks",
  payload: { version: 1, tasks, ...over },
});
const questions = {
  kind: "ask_user_questions",
  payload: {
    version: 1,
    questions: [
      {
        id: "color",
        prompt: "Which color?",
        selectionMode: "single",
        required: true,
        options: [
          { id: "red", label: "Red" },
          { id: "blue", label: "Blue" },
        ],
      },
    ],
  },
};

/** An issue of an agent, without a wake for it. */
async function anIssue(agent: Json, status = "todo"): Promise<Json> {
  const issue = await company.issue({ assigneeAgentId: agent.id });
  await api.db.sql.query("UPDATE issues SET status = $2 WHERE id = $1", [issue.id, status]);
  return { ...issue, status };
}

/** An agent that works on an issue of its own, as after a claim. */
async function atWork(): Promise<{ issue: Json; run: InRun }> {
  const agent = await company.agent();
  const issue = await anIssue(agent);
  const run = await anAgentInRun(api, company, { agent, issueId: issue.id });
  return { issue, run };
}

describe("API-180, API-181 asking", () => {
  it("API-181, API-180 an agent asks in its run; people read what it asked, oldest first", async () => {
    const { issue, run } = await atWork();
    const comment = (
      await expectStatus(run.call("POST", `/api/issues/${issue.id}/comments`, { body: "see below" }), 201)
    ).body;
    const asked = await expectStatus(
      run.call("POST", at(issue.id), {
        ...questions,
        title: "A question",
        summary: "About colors",
        sourceCommentId: comment.id,
        sourceRunId: NOWHERE,
      }),
      201,
    );
    expect(asked.body).toMatchObject({
      companyId: company.id,
      issueId: issue.id,
      kind: "ask_user_questions",
      status: "pending",
      continuationPolicy: "wake_assignee",
      idempotencyKey: null,
      title: "A question",
      summary: "About colors",
      sourceCommentId: comment.id,
      sourceRunId: run.run.id,
      createdByAgentId: run.agent.id,
      createdByUserId: null,
      payload: questions.payload,
      result: null,
      resolvedAt: null,
    });
    const second = await ask(issue.id, CONFIRM);
    expect(second).toMatchObject({ continuationPolicy: "none", payload: { allowDeclineReason: true } });
    expect((await listed(issue.id)).map(({ id }) => id)).toEqual([asked.body.id, second.id]);
    const [latest] = await activityOf(issue.id);
    expect(latest).toMatchObject({
      action: "issue.thread_interaction_created",
      details: { interactionId: second.id, interactionKind: "request_confirmation", interactionStatus: "pending" },
    });
    expect(await requestsOf(api, run.agent.id, issue.id)).toHaveLength(1);
  });

  it("API-181 an agent without a run, of another issue, and of another company is refused; nothing is written", async () => {
    const { issue, run } = await atWork();
    const withoutRun = await expectStatus(api.call("POST", at(issue.id), { key: run.key, body: CONFIRM }), 401);
    expect(withoutRun.body.error).toBe("Agent run id required");
    const other = await anAgentInRun(api, company);
    expect((await other.call("POST", at(issue.id), CONFIRM)).status).toBe(403);
    const elsewhere = await aCompany(api);
    const stranger = await anAgentInRun(api, elsewhere);
    for (const call of [() => stranger.call("GET", at(issue.id)), () => stranger.call("POST", at(issue.id), CONFIRM)]) {
      expect((await expectStatus(call(), 403)).body.code).toBe("wrong_company");
    }
    expect((await api.call("GET", at(NOWHERE))).status).toBe(404);
    const enqueue = await aKey(api, { scope: "enqueue", companyId: company.id });
    expect((await api.call("GET", at(issue.id), { key: enqueue.token })).body.code).toBe("insufficient_scope");
    expect(await listed(issue.id)).toEqual([]);
  });

  it.each([
    ["an unknown kind", { kind: "poll", payload: { version: 1 } }, ["kind"]],
    ["another version", confirm({}, { version: 2 }), ["payload", "version"]],
    ["no task", suggest([]), ["payload", "tasks"]],
    [
      "51 tasks",
      suggest(Array.from({ length: 51 }, (_, n) => ({ clientKey: `k${n}`, title: "t" }))),
      ["payload", "tasks"],
    ],
    [
      "two tasks of one key",
      suggest([
        { clientKey: "a", title: "A" },
        { clientKey: "a", title: "B" },
      ]),
      ["payload", "tasks", 1, "clientKey"],
    ],
    [
      "a task for two assignees",
      suggest([{ clientKey: "a", title: "A", assigneeAgentId: NOWHERE, assigneeUserId: "ann" }]),
      ["payload", "tasks", 0, "assigneeAgentId"],
    ],
    ["a prompt of 1,001 characters", confirm({}, { prompt: "x".repeat(1_001) }), ["payload", "prompt"]],
    [
      "details of 20,001 characters",
      confirm({}, { detailsMarkdown: "x".repeat(20_001) }),
      ["payload", "detailsMarkdown"],
    ],
    ["a title of 241 characters", confirm({ title: "x".repeat(241) }), ["title"]],
    ["a summary of 1,001 characters", confirm({ summary: "x".repeat(1_001) }), ["summary"]],
    ["a key of 256 characters", confirm({ idempotencyKey: "x".repeat(256) }), ["idempotencyKey"]],
    [
      "a link that runs code",
      confirm({}, { target: { type: "custom", key: "k", href: "java\tscript:alert(1)" } }),
      ["payload", "target", "href"],
    ],
    [
      "a link to another host without a protocol",
      confirm({}, { target: { type: "custom", key: "k", href: "\\\\evil.example" } }),
      ["payload", "target", "href"],
    ],
    [
      "no options",
      { ...questions, payload: { version: 1, questions: [{ ...questions.payload.questions[0], options: [] }] } },
      ["payload", "questions", 0, "options"],
    ],
  ])("API-181 %s is 400 and names the field", async (_, body, path) => {
    const issue = await company.issue();
    const refused = await expectStatus(api.call("POST", at(issue.id), { body }), 400);
    expect(refused.body).toMatchObject({ error: "Validation error", details: [{ path }] });
    expect(await listed(issue.id)).toEqual([]);
  });

  it("API-181 what it refers to belongs to the issue and its company", async () => {
    const elsewhere = await aCompany(api);
    const [strangeAgent, strangeIssue] = [await elsewhere.agent(), await elsewhere.issue()];
    const issue = await company.issue();
    const otherIssue = await company.issue();
    const comment = (
      await expectStatus(api.call("POST", `/api/issues/${otherIssue.id}/comments`, { body: { body: "x" } }), 201)
    ).body;
    const strangeRun = (await anAgentInRun(api, elsewhere)).run;
    for (const [body, status, text] of [
      [confirm({ sourceCommentId: comment.id }), 422, "sourceCommentId must belong to the same issue and company"],
      [confirm({ sourceRunId: strangeRun.id }), 422, "sourceRunId must belong to the same company"],
      [
        suggest([{ clientKey: "a", title: "A", assigneeAgentId: strangeAgent.id }]),
        422,
        "Assignee must belong to same company",
      ],
      [suggest([{ clientKey: "a", title: "A", assigneeAgentId: NOWHERE }]), 404, "Assignee agent not found"],
      [
        suggest([{ clientKey: "a", title: "A", parentId: strangeIssue.id }]),
        422,
        "Parent issue must belong to same company",
      ],
      [suggest([{ clientKey: "a", title: "A" }], { defaultParentId: NOWHERE }), 404, "Parent issue not found"],
      [suggest([{ clientKey: "a", title: "A", parentClientKey: "b" }]), 422, "Unknown parentClientKey: b"],
      [
        confirm({}, { target: { type: "issue_document", key: "plan", revisionId: NOWHERE } }),
        422,
        "request_confirmation target must reference the current issue document revision",
      ],
    ] as const) {
      expect((await expectStatus(api.call("POST", at(issue.id), { body }), status)).body.error).toBe(text);
    }
    expect(await listed(issue.id)).toEqual([]);
  });

  it("API-181 asked twice under one key, also in a later run, it is asked once; another request under it is 409", async () => {
    const { issue, run } = await atWork();
    const body = confirm({ idempotencyKey: "drop-it" });
    const first = (await expectStatus(run.call("POST", at(issue.id), body), 201)).body;
    expect((await expectStatus(run.call("POST", at(issue.id), body), 201)).body.id).toBe(first.id);
    await markEnded(api, run.run.id);
    const later = await anAgentInRun(api, company, { agent: run.agent, issueId: issue.id });
    expect((await expectStatus(later.call("POST", at(issue.id), body), 201)).body).toEqual(first);
    const other = confirm({ idempotencyKey: "drop-it" }, { prompt: "Drop both?" });
    const refused = await expectStatus(later.call("POST", at(issue.id), other), 409);
    expect(refused.body.error).toBe("Interaction idempotency key already exists for a different request");
    expect(refused.body.details).toEqual({ idempotencyKey: "drop-it", interactionId: first.id });
    // Somebody else's question is another one, too.
    expect((await api.call("POST", at(issue.id), { body })).status).toBe(409);
    expect(await listed(issue.id)).toHaveLength(1);
    const created = (await activityOf(issue.id)).filter(({ action }) => action === "issue.thread_interaction_created");
    expect(created).toHaveLength(1);
    // Under another issue the key is free.
    expect((await ask((await company.issue()).id, body)).idempotencyKey).toBe("drop-it");
  });

  it("API-181 ten at once under one key make one", async () => {
    const issue = await company.issue();
    const body = confirm({ idempotencyKey: "once" });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(issue.id, body)));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await listed(issue.id)).toHaveLength(1);
  });
});

describe("API-182 answering", () => {
  it("API-182, W15 an answered question wakes the assignee with exactly the keys of the table", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent, "in_progress");
    const asked = await ask(issue.id, questions);
    const body = { answers: [{ questionId: "color", optionIds: ["red"] }], summaryMarkdown: "red it is" };
    const answered = (await expectStatus(resolve(asked, "respond", body), 200)).body;
    expect(answered).toMatchObject({
      id: asked.id,
      status: "answered",
      result: { version: 1, ...body },
      resolvedByAgentId: null,
      resolvedByUserId: expect.stringMatching(/./),
      resolvedAt: expect.stringMatching(/Z$/),
    });
    const wake = await onlyRequest(api, agent.id, issue.id);
    const about = {
      issueId: issue.id,
      interactionId: asked.id,
      interactionKind: "ask_user_questions",
      interactionStatus: "answered",
      sourceCommentId: null,
      sourceRunId: null,
    };
    expect(wake).toMatchObject({
      source: "automation",
      triggerDetail: "system",
      reason: "issue_commented",
      status: "queued",
      requester: { type: "user" },
      context: { ...about, taskId: issue.id, wakeReason: "issue_commented", source: "issue.interaction.respond" },
    });
    expect(wake.payload).toEqual({ ...about, mutation: "interaction" });
    expect((await activityOf(issue.id))[0]).toMatchObject({
      action: "issue.thread_interaction_answered",
      details: { interactionId: asked.id, interactionStatus: "answered" },
    });
  });

  it.each([
    ["wake_assignee", "accept", "issue.interaction.accept"],
    ["wake_assignee", "reject", "issue.interaction.reject"],
    ["wake_assignee_on_accept", "accept", "issue.interaction.accept"],
    ["wake_assignee_on_accept", "reject", null],
    ["none", "accept", null],
    ["none", "reject", null],
  ])("API-182, W15 under %s, %s: wakes %s", async (continuationPolicy, verb, source) => {
    const agent = await company.agent();
    const issue = await anIssue(agent);
    const asked = await ask(issue.id, confirm({ continuationPolicy }));
    const resolved = (await expectStatus(resolve(asked, verb, verb === "reject" ? { reason: "not now" } : {}), 200))
      .body;
    const result =
      verb === "accept" ? { version: 1, outcome: "accepted" } : { version: 1, outcome: "rejected", reason: "not now" };
    expect(resolved).toMatchObject({ status: `${verb}ed`, result });
    if (source === null) return expect(await requestsOf(api, agent.id)).toEqual([]);
    expect((await onlyRequest(api, agent.id, issue.id)).context).toMatchObject({ source, interactionId: asked.id });
  });

  it("API-182, W14 accepted tasks become issues, parents first, and wake their assignees; the author goes on (W15)", async () => {
    const [author, worker] = [await company.agent(), await company.agent()];
    const issue = await anIssue(author);
    const asked = await ask(
      issue.id,
      suggest([
        { clientKey: "test", parentClientKey: "build", title: "Test it", assigneeAgentId: worker.id.toUpperCase() },
        {
          clientKey: "build",
          title: "Build it",
          description: "with care",
          priority: "high",
          assigneeAgentId: worker.id,
        },
        { clientKey: "ship", title: "Ship it" },
        { clientKey: "skip", title: "Celebrate" },
      ]),
    );
    expect(await requestsOf(api, worker.id)).toEqual([]);
    const { result, status } = (
      await expectStatus(resolve(asked, "accept", { selectedClientKeys: ["test", "build", "ship"] }), 200)
    ).body;
    expect(status).toBe("accepted");
    expect(result.createdTasks.map((made: Json) => made.clientKey)).toEqual(["build", "test", "ship"]);
    expect(result.skippedClientKeys).toEqual(["skip"]);
    const [build, test, ship] = result.createdTasks;
    expect(build).toMatchObject({ parentIssueId: issue.id, parentIdentifier: issue.identifier, title: "Build it" });
    expect(test).toMatchObject({ parentIssueId: build.issueId, parentIdentifier: build.identifier });
    const made = (await expectStatus(api.call("GET", `/api/issues/${build.issueId}`), 200)).body;
    expect(made).toMatchObject({
      parentId: issue.id,
      status: "todo",
      priority: "high",
      description: "with care",
      assigneeAgentId: worker.id,
      requestDepth: 1,
    });
    for (const task of [build, test]) {
      const wake = await onlyRequest(api, worker.id, task.issueId);
      expect(wake).toMatchObject({
        source: "assignment",
        reason: "issue_assigned",
        context: { issueId: task.issueId, source: "issue.interaction.accept" },
      });
      expect(wake.payload).toEqual({ issueId: task.issueId, mutation: "interaction_accept" });
    }
    expect(await requestsOf(api, author.id, ship.issueId)).toEqual([]);
    expect((await onlyRequest(api, author.id, issue.id)).payload).toMatchObject({
      interactionId: asked.id,
      interactionStatus: "accepted",
    });
    expect((await activityOf(issue.id))[0]).toMatchObject({
      action: "issue.thread_interaction_accepted",
      details: { createdTaskCount: 3, skippedTaskCount: 1 },
    });
    expect(await activityOf(build.issueId)).toMatchObject([
      { action: "issue.child_created", details: { parentId: issue.id, interactionId: asked.id } },
    ]);
  });

  it("API-182 tasks go under the parent they name, else under the default one, else under the issue", async () => {
    const [issue, named, standard] = [await company.issue(), await company.issue(), await company.issue()];
    const tasks = [
      { clientKey: "a", title: "A", parentId: named.id },
      { clientKey: "b", title: "B" },
    ];
    const { result } = (await resolve(await ask(issue.id, suggest(tasks, { defaultParentId: standard.id })), "accept"))
      .body;
    expect(result.createdTasks.map((made: Json) => made.parentIssueId)).toEqual([named.id, standard.id]);
  });

  it("API-182, API-14 a task that cannot be made any more makes none: nothing is accepted, nobody is woken", async () => {
    const [owner, leaver] = [await company.agent(), await company.agent()];
    const issue = await anIssue(owner);
    const asked = await ask(
      issue.id,
      suggest([
        { clientKey: "a", title: "A", assigneeAgentId: owner.id },
        { clientKey: "b", title: "B", assigneeAgentId: leaver.id },
      ]),
    );
    await expectStatus(api.call("POST", `/api/agents/${leaver.id}/terminate`), 200);
    const refused = await expectStatus(resolve(asked, "accept"), 409);
    expect(refused.body.error).toBe("Cannot assign work to terminated agents");
    expect(await listed(issue.id)).toMatchObject([{ status: "pending", result: null }]);
    expect(await requestsOf(api, owner.id)).toEqual([]);
    const [children] = await api.db.sql.query("SELECT count(*)::int AS n FROM issues WHERE parent_id = $1", [issue.id]);
    expect(children).toEqual({ n: 0 });
  });

  it("API-182 404 for what is not there, 409 for what is resolved, 422 for what the kind does not know; only the board answers", async () => {
    const { issue, run } = await atWork();
    const asked = await ask(issue.id, CONFIRM);
    const elsewhere = await company.issue();
    for (const path of [
      at(issue.id, `/${NOWHERE}/accept`),
      at(issue.id, "/x/accept"),
      at(elsewhere.id, `/${asked.id}/accept`),
    ]) {
      expect((await expectStatus(api.call("POST", path, { body: {} }), 404)).body.error).toBe("Interaction not found");
    }
    const byAgent = await expectStatus(run.call("POST", at(issue.id, `/${asked.id}/accept`), {}), 403);
    expect(byAgent.body.error).toBe("Board access required");
    const answered = await expectStatus(resolve(asked, "respond", { answers: [] }), 422);
    expect(answered.body.error).toBe("Interactions of kind request_confirmation cannot be answered");
    await expectStatus(resolve(asked, "reject", { reason: "x".repeat(4_001) }), 400);
    const many = Array.from({ length: 21 }, (_, n) => ({ questionId: `q${n}`, optionIds: [] }));
    await expectStatus(resolve(asked, "respond", { answers: many }), 400);
    await expectStatus(resolve(asked, "accept", { selectedClientKeys: ["a", "a"] }), 400);
    await expectStatus(resolve(asked, "accept"), 200);
    for (const verb of ["accept", "reject"]) {
      const again = await expectStatus(resolve(asked, verb), 409);
      expect(again.body.error).toBe("Interaction has already been resolved");
    }
    const key = await anAgentKey(api, (await (await aCompany(api)).agent()).id);
    expect((await api.call("POST", at(issue.id, `/${asked.id}/accept`), { key, body: {} })).body.code).toBe(
      "wrong_company",
    );
  });

  it.each(["done", "cancelled"])("W15 an issue that is %s wakes nobody", async (status) => {
    const agent = await company.agent();
    const issue = await anIssue(agent, status);
    await expectStatus(
      resolve(await ask(issue.id, questions), "respond", { answers: [{ questionId: "color", optionIds: ["blue"] }] }),
      200,
    );
    expect(await requestsOf(api, agent.id)).toEqual([]);
  });

  it("W15, API-174 is no interaction wake: a hold keeps it back, open blockers keep it back, and the reason is recorded", async () => {
    const agent = await company.agent();
    const held = await anIssue(agent);
    await expectStatus(api.call("POST", `/api/issues/${held.id}/tree-holds`, { body: { mode: "pause" } }), 201);
    await expectStatus(resolve(await ask(held.id, confirm({ continuationPolicy: "wake_assignee" })), "accept"), 200);
    expect(await onlyRequest(api, agent.id, held.id)).toMatchObject({
      status: "skipped",
      reason: "issue_tree_hold_active",
      runId: null,
    });
    const blocker = await company.issue();
    const blocked = await anIssue(agent);
    await expectStatus(
      api.call("PATCH", `/api/issues/${blocked.id}`, { body: { blockedByIssueIds: [blocker.id] } }),
      200,
    );
    await expectStatus(resolve(await ask(blocked.id, confirm({ continuationPolicy: "wake_assignee" })), "accept"), 200);
    expect(await onlyRequest(api, agent.id, blocked.id)).toMatchObject({
      status: "skipped",
      reason: "issue_dependencies_blocked",
    });
  });

  it("W15, BY-2, WK-28 an answer while the asker's run goes on waits behind it: two answers, one next run that knows of both", async () => {
    const { issue, run } = await atWork();
    const askIt = async (): Promise<Json> =>
      (await expectStatus(run.call("POST", at(issue.id), confirm({ continuationPolicy: "wake_assignee" })), 201)).body;
    const [one, other] = [await askIt(), await askIt()];
    expect(one).toMatchObject({ createdByAgentId: run.agent.id, sourceRunId: run.run.id });
    for (const asked of [one, other]) await expectStatus(resolve(asked, "accept"), 200);
    const waiting = (await requestsOf(api, run.agent.id, issue.id)).filter(({ runId }) => runId === null);
    expect(waiting.map(({ status }) => status)).toEqual(["deferred_issue_execution", "coalesced"]);
    const [deferred] = waiting;
    expect(deferred?.context.wakeCauses.map((cause: Json) => cause.payload.interactionId)).toEqual([one.id, other.id]);
    expect(deferred?.context.wakeCauses[0].payload).toMatchObject({ sourceRunId: run.run.id });
  });

  it("W15, API-14 a paused assignee's wake is refused, the answer is not", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent);
    const asked = await ask(issue.id, confirm({ continuationPolicy: "wake_assignee" }));
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/pause`), 200);
    expect((await expectStatus(resolve(asked, "accept"), 200)).body.status).toBe("accepted");
    expect((await activityOf(issue.id)).map(({ action }) => action)).toContain("issue.wakeup_refused");
  });
});

describe("API-182 expiring", () => {
  it("API-182, W15 a confirmation of a document that was changed meanwhile expires and wakes nobody", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent);
    const body = { format: "markdown", body: "# Plan" };
    const first = (await expectStatus(api.call("PUT", `/api/issues/${issue.id}/documents/plan`, { body }), 201)).body;
    const target = { type: "issue_document", key: "plan", revisionId: first.latestRevisionId, revisionNumber: 1 };
    const asking = confirm({ continuationPolicy: "wake_assignee" }, { target });
    const [kept, stale] = [await ask(issue.id, asking), await ask(issue.id, asking)];
    expect((await expectStatus(resolve(kept, "accept"), 200)).body.status).toBe("accepted");
    expect(await requestsOf(api, agent.id)).toHaveLength(1);
    // As another issue's document would be changed: nobody looks for the confirmations about it then.
    await api.db.sql.query("UPDATE documents SET latest_revision_number = 2 WHERE id = $1", [first.id]);
    const expired = (await expectStatus(resolve(stale, "accept"), 200)).body;
    expect(expired).toMatchObject({
      status: "expired",
      result: { version: 1, outcome: "stale_target", staleTarget: target },
    });
    expect(await requestsOf(api, agent.id)).toHaveLength(1);
    expect((await activityOf(issue.id))[0]).toMatchObject({
      action: "issue.thread_interaction_expired",
      details: { interactionId: stale.id, outcome: "stale_target" },
    });
    expect((await resolve(stale, "accept")).status).toBe(409);
  });

  it("API-165, API-182 what was asked about a document's text expires when the text is changed, restored or deleted", async () => {
    const issue = await company.issue();
    const other = await ask(issue.id, CONFIRM);
    const path = `/api/issues/${issue.id}/documents/spec`;
    const put = async (text: string, baseRevisionId?: string): Promise<Json> =>
      (
        await api.call("PUT", path, {
          body: { format: "markdown", body: text, ...(baseRevisionId && { baseRevisionId }) },
        })
      ).body;
    const askAbout = (document: Json): Promise<Json> =>
      ask(
        issue.id,
        confirm({}, { target: { type: "issue_document", key: "spec", revisionId: document.latestRevisionId } }),
      );
    const stateOf = async ({ id }: Json): Promise<Json> => (await listed(issue.id)).find((one) => one.id === id);

    const first = await put("one");
    const aboutFirst = await askAbout(first);
    const second = await put("two", first.latestRevisionId);
    expect(await stateOf(aboutFirst)).toMatchObject({ status: "expired", result: { outcome: "stale_target" } });
    const aboutSecond = await askAbout(second);
    await expectStatus(api.call("POST", `${path}/revisions/${first.latestRevisionId}/restore`), 200);
    expect(await stateOf(aboutSecond)).toMatchObject({ status: "expired" });
    const third = (await expectStatus(api.call("GET", path), 200)).body;
    const aboutThird = await askAbout(third);
    await expectStatus(
      api.call("PUT", `/api/issues/${issue.id}/documents/notes`, { body: { format: "markdown", body: "x" } }),
      201,
    );
    expect(await stateOf(aboutThird)).toMatchObject({ status: "pending" });
    await expectStatus(api.call("DELETE", path), 200);
    expect(await stateOf(aboutThird)).toMatchObject({ status: "expired" });
    expect(await stateOf(other)).toMatchObject({ status: "pending" });
  });

  it("API-181, W15 a person's comment takes the place of an answer where the confirmation says so; an agent's does not", async () => {
    const { issue, run } = await atWork();
    const supersedable = await ask(issue.id, confirm({}, { supersedeOnUserComment: true }));
    const other = await ask(issue.id, CONFIRM);
    await expectStatus(run.call("POST", `/api/issues/${issue.id}/comments`, { body: "still waiting" }), 201);
    expect((await listed(issue.id)).map(({ status }) => status)).toEqual(["pending", "pending"]);
    const path = `/api/issues/${issue.id}`;
    const changed = await expectStatus(api.call("PATCH", path, { body: { comment: "do it otherwise" } }), 200);
    const { comment } = changed.body;
    expect(await listed(issue.id)).toMatchObject([
      {
        id: supersedable.id,
        status: "expired",
        result: { version: 1, outcome: "superseded_by_comment", commentId: comment.id },
      },
      { id: other.id, status: "pending" },
    ]);
    expect((await resolve(supersedable, "accept")).status).toBe(409);
    // The comment itself is what the assignee hears of (W7).
    expect((await requestsOf(api, run.agent.id, issue.id)).map(({ payload }) => payload.commentId)).toContain(
      comment.id,
    );
  });
});
