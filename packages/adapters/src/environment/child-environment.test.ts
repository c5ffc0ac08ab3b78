import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { resolveApiUrl } from "./api-url.js";
import { childEnvironment, DEFAULT_PATH } from "./child-environment.js";
import { inheritedEnvironment } from "./inherited.js";
import type { InjectedEnvironmentInput } from "./injected.js";
import { isSecretName, loggedEnvironment } from "./redaction.js";

interface Given {
  readonly env?: JsonObject;
  readonly config?: JsonObject;
  readonly context?: JsonObject;
  readonly authToken?: string;
  readonly claimToken?: number;
  readonly workerEnv?: Record<string, string>;
  readonly more?: Partial<InjectedEnvironmentInput>;
}

function build(given: Given = {}): ReturnType<typeof childEnvironment> {
  return childEnvironment({
    execution: {
      runId: "run-1",
      agent: { id: "agent-1", companyId: "company-1", name: "A", adapterType: "process", adapterConfig: {} },
      config: { ...given.config, ...(given.env === undefined ? {} : { env: given.env }) },
      context: given.context ?? {},
      ...(given.authToken === undefined ? {} : { authToken: given.authToken }),
      ...(given.claimToken === undefined ? {} : { claimToken: given.claimToken }),
    },
    workerEnv: given.workerEnv ?? {},
    ...given.more,
  });
}

/** The two names of a variable, both expected to hold `value`. */
function both(name: string, value: string): Record<string, string> {
  return { [`WAKEFLEET_${name}`]: value, [`PAPERCLIP_${name}`]: value };
}

describe("AD-52 what a child inherits", () => {
  it.each([
    "DATABASE_URL",
    "SHADOW_DATABASE_URL",
    "REDIS_URL",
    "REDIS_PASSWORD",
    "REDIS_PREFIX",
    "PGPASSWORD",
    "PGPASSFILE",
    "AUTH_SECRET",
    "SECRETS_KEY",
    "SECRETS_MASTER_KEY",
    "RUN_LOG_S3_ACCESS_KEY_ID",
    "RUN_LOG_S3_SECRET_ACCESS_KEY",
    "BETTER_AUTH_JWT_SECRET",
    "DATA_ENCRYPTION_KEY",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "WAKEFLEET_ANYTHING",
    "PAPERCLIP_API_KEY",
    "PAPERCLIP_AGENT_JWT_SECRET",
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SESSION",
    "CLAUDE_CODE_PARENT_SESSION",
  ])("AD-52 takes %s away", (name) => {
    expect(inheritedEnvironment({ [name]: "x" })).toEqual({});
  });

  it.each([
    "PATH",
    "HOME",
    "PGHOST",
    "ANTHROPIC_API_KEY",
    "CLAUDE_CONFIG_DIR",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "WAKEFLEET_RUNTIME_API_URL",
    "PAPERCLIP_RUNTIME_API_URL",
    "WAKEFLEET_LISTEN_HOST",
    "PAPERCLIP_LISTEN_PORT",
  ])("AD-52 leaves %s", (name) => {
    expect(inheritedEnvironment({ [name]: "x" })).toEqual({ [name]: "x" });
  });

  it("AD-42 gives a PATH where there is none", () => {
    expect(build().env["PATH"]).toBe(DEFAULT_PATH);
    expect(build({ workerEnv: { PATH: "/bin" } }).env["PATH"]).toBe("/bin");
  });
});

describe("AD-53 what is added", () => {
  it("AD-53 always names agent, company, run and API under both names, and nothing that is not known", () => {
    expect(build().injected).toEqual({
      ...both("AGENT_ID", "agent-1"),
      ...both("COMPANY_ID", "company-1"),
      ...both("RUN_ID", "run-1"),
      ...both("API_URL", "http://localhost:3100"),
    });
  });

  const workspace = {
    cwd: "/w",
    source: "task_session",
    strategy: "git_worktree",
    workspaceId: "ws",
    repoUrl: "https://example.com/r.git",
    repoRef: "main",
    branchName: "work",
    worktreePath: "/w/tree",
    agentHome: "/home/agent",
  };
  it.each<[string, JsonObject, Record<string, string>]>([
    ["the task", { taskId: "t", issueId: "i" }, both("TASK_ID", "t")],
    ["the issue as task", { taskId: " ", issueId: "i" }, both("TASK_ID", "i")],
    ["the wake's reason", { wakeReason: "r" }, both("WAKE_REASON", "r")],
    ["the comment", { wakeCommentId: "w", commentId: "c" }, both("WAKE_COMMENT_ID", "w")],
    ["the older comment key", { commentId: "c" }, both("WAKE_COMMENT_ID", "c")],
    [
      "the approval",
      { approvalId: "a", approvalStatus: "s" },
      { ...both("APPROVAL_ID", "a"), ...both("APPROVAL_STATUS", "s") },
    ],
    ["linked issues", { issueIds: ["a", "", "b"] }, both("LINKED_ISSUE_IDS", "a,b")],
    ["workspaces", { wakefleetWorkspaces: [{ cwd: "/a" }] }, both("WORKSPACES_JSON", '[{"cwd":"/a"}]')],
    [
      "CX-21 the workspace",
      { wakefleetWorkspace: workspace },
      {
        ...both("WORKSPACE_CWD", "/w"),
        ...both("WORKSPACE_SOURCE", "task_session"),
        ...both("WORKSPACE_STRATEGY", "git_worktree"),
        ...both("WORKSPACE_ID", "ws"),
        ...both("WORKSPACE_REPO_URL", "https://example.com/r.git"),
        ...both("WORKSPACE_REPO_REF", "main"),
        ...both("WORKSPACE_BRANCH", "work"),
        ...both("WORKSPACE_WORKTREE_PATH", "/w/tree"),
        AGENT_HOME: "/home/agent",
      },
    ],
    [
      "nothing for blanks",
      { taskId: "", wakeReason: " ", issueIds: [], wakefleetWorkspaces: [], wakefleetWake: {} },
      {},
    ],
    ["no runtime services for a process", { wakefleetRuntimePrimaryUrl: "http://x" }, {}],
  ])("AD-53 adds %s", (_what, context, expected) => {
    const { injected } = build({ context });
    const { injected: bare } = build();
    const added = Object.fromEntries(Object.entries(injected).filter(([name]) => !(name in bare)));
    expect(added).toEqual(expected);
  });

  it("AD-53 adds runtime services where the adapter asks for them", () => {
    const context = { wakefleetRuntimePrimaryUrl: "http://x", wakefleetRuntimeServices: [{ name: "web" }] };
    expect(build({ context, more: { withRuntimeServices: true } }).injected).toMatchObject({
      ...both("RUNTIME_PRIMARY_URL", "http://x"),
      ...both("RUNTIME_SERVICES_JSON", '[{"name":"web"}]'),
    });
  });

  it("AD-57 CX-21 leaves the agent home's directory out when one is configured", () => {
    const context = { wakefleetWorkspace: { cwd: "/agent-home", source: "agent_home", agentHome: "/agent-home" } };
    const { injected } = build({ context, config: { cwd: "/configured" } });
    expect(injected["WAKEFLEET_WORKSPACE_CWD"]).toBeUndefined();
    expect(injected["AGENT_HOME"]).toBe("/agent-home");
  });

  it("AD-53 leaves a JSON variable out that no system would start a program with", () => {
    const context = { wakefleetWorkspaces: [{ cwd: "x".repeat(200_000) }] };
    const { injected, leftOut } = build({ context });
    expect(injected["WAKEFLEET_WORKSPACES_JSON"]).toBeUndefined();
    expect(leftOut).toEqual(["WAKEFLEET_WORKSPACES_JSON"]);
  });
});

describe("AD-54 config variables", () => {
  it("AD-54 takes strings only", () => {
    const { injected } = build({ env: { A: "1", B: 2, C: null, D: { type: "secret_ref" } } });
    expect(injected["A"]).toBe("1");
    expect(Object.keys(injected)).not.toEqual(expect.arrayContaining(["B"]));
  });

  it.each(["AGENT_ID", "COMPANY_ID", "RUN_ID", "API_URL"])("AD-54 never lets config change %s", (name) => {
    const honest = build().injected;
    const { injected } = build({ env: both(name, "forged") });
    expect(injected).toEqual(honest);
  });

  it.each(["WAKEFLEET_TASK_ID", "PAPERCLIP_TASK_ID"])("AD-54 lets config set %s, for both names", (name) => {
    expect(build({ env: { [name]: "mine" }, context: { taskId: "t" } }).injected).toMatchObject(
      both("TASK_ID", "mine"),
    );
  });

  it("BY-8 names the claim of the run, whatever the config says", () => {
    const { injected } = build({ claimToken: 12, env: both("CLAIM_TOKEN", "13") });
    expect(injected).toMatchObject(both("CLAIM_TOKEN", "12"));
  });

  it("AD-53 AD-54 sets the token unless config has a key", () => {
    expect(build({ authToken: "jwt" }).injected).toMatchObject(both("API_KEY", "jwt"));
    expect(build({ authToken: "jwt", env: { PAPERCLIP_API_KEY: "own" } }).injected).toMatchObject(
      both("API_KEY", "own"),
    );
    expect(build({ authToken: "jwt", env: { WAKEFLEET_API_KEY: " " } }).injected).toMatchObject(both("API_KEY", "jwt"));
    expect(build().injected["WAKEFLEET_API_KEY"]).toBeUndefined();
  });

  it("AD-54 sets the adapter's fixed keys last", () => {
    expect(build({ env: { CODEX_HOME: "/mine" }, more: { fixed: { CODEX_HOME: "/fixed" } } }).env["CODEX_HOME"]).toBe(
      "/fixed",
    );
  });

  it.each<[string, JsonObject]>([
    ["a name that would set another variable", { "WAKEFLEET_RUN_ID=x": "y" }],
    ["an empty name", { "": "y" }],
    ["a NUL in a value", { A: "hush\0" }],
  ])("AD-54 refuses %s, without telling the value", (_what, env) => {
    expect(() => build({ env })).toThrow(/agent's env/);
    expect(() => build({ env })).not.toThrow(/hush/);
  });

  it("AD-52 lets config give an agent a variable of the same name as one of ours", () => {
    const { env } = build({ env: { DATABASE_URL: "the agent's own" }, workerEnv: { DATABASE_URL: "ours" } });
    expect(env["DATABASE_URL"]).toBe("the agent's own");
  });
});

describe("AD-55 the API's address", () => {
  it.each<[string, Record<string, string>, string]>([
    ["nothing", {}, "http://localhost:3100"],
    ["the runtime URL first", { WAKEFLEET_RUNTIME_API_URL: "http://a", WAKEFLEET_API_URL: "http://b" }, "http://a"],
    ["its alias", { PAPERCLIP_RUNTIME_API_URL: "http://a", WAKEFLEET_API_URL: "http://b" }, "http://a"],
    ["the API URL", { PAPERCLIP_API_URL: "http://b", PUBLIC_URL: "http://c" }, "http://b"],
    ["the public URL", { PUBLIC_URL: "https://c", HOST: "h" }, "https://c"],
    ["host and port", { HOST: "h", PORT: "8080" }, "http://h:8080"],
    [
      "listen host and port",
      { WAKEFLEET_LISTEN_HOST: "l", HOST: "h", PAPERCLIP_LISTEN_PORT: "1", PORT: "2" },
      "http://l:1",
    ],
    ["every IPv4 address", { HOST: "0.0.0.0" }, "http://localhost:3100"],
    ["every IPv6 address", { HOST: "::" }, "http://localhost:3100"],
    ["a blank host", { HOST: " " }, "http://localhost:3100"],
    ["an IPv6 literal", { HOST: "::1" }, "http://[::1]:3100"],
  ])("AD-55 reads %s", (_what, workerEnv, url) => {
    expect(resolveApiUrl(workerEnv)).toBe(url);
  });
});

describe("AD-56 the logged environment", () => {
  it.each(["API_KEY", "myToken", "Secret", "DB_PASSWORD", "passwd", "AUTHORIZATION", "Cookie"])(
    "AD-56 hides %s",
    (name) => {
      expect(isSecretName(name)).toBe(true);
    },
  );

  it("AD-56 shows what was injected, HOME and the command, not what was inherited", () => {
    const shown = loggedEnvironment({
      injected: { A: "1", MY_KEY: "hush" },
      childEnv: { HOME: "/home/worker", INHERITED: "x" },
      resolvedCommand: "/bin/tool",
    });
    expect(shown).toEqual({
      HOME: "/home/worker",
      A: "1",
      MY_KEY: "***REDACTED***",
      ...both("RESOLVED_COMMAND", "/bin/tool"),
    });
  });
});
