/** The prompt of `hermes_local` (AD-291): a template of its own with conditional blocks. */
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { renderTemplate, templateData } from "../cli/prompt-template.js";
import type { AdapterExecutionContext } from "../contract.js";
import { firstText } from "../event-fields.js";

const BLOCKS = ["noTask", "taskId", "commentId"] as const;

const SAFETY = `Rules for the Wakefleet API ({{wakefleetApiUrl}}):
- Send \`Authorization: Bearer $WAKEFLEET_API_KEY\` with every request; never print the key.
- Send \`X-Wakefleet-Run-Id: {{runId}}\` with every request that changes something.`;

const DEFAULT_TEMPLATE = `You are "{{agentName}}", an agent of {{companyName}}, woken by Wakefleet.

Who you are:
- agent: {{agentId}}
- company: {{companyId}}
- run: {{runId}}
- API: {{wakefleetApiUrl}}

${SAFETY}
- Use \`curl\` in the terminal for the API. Do not use a browser for it.

{{#taskId}}## Task {{taskId}}: {{taskTitle}}

{{taskBody}}

Do this:
1. Read the issue: GET {{wakefleetApiUrl}}/issues/{{taskId}} and its comments.
2. Work on it with your tools until it is done or you are blocked.
3. Leave a comment that says what you did and what is left: POST {{wakefleetApiUrl}}/issues/{{taskId}}/comments with {"body": "..."}.
4. Set the status: PATCH {{wakefleetApiUrl}}/issues/{{taskId}} with {"status": "done"}, or "blocked" with a comment that names who must act.
{{/taskId}}
{{#commentId}}## Comment {{commentId}}

A comment woke you. Read it first (GET {{wakefleetApiUrl}}/issues/{{taskId}}/comments/{{commentId}}) and answer it.
{{/commentId}}
{{#noTask}}## No task

This wake names no task (reason: {{wakeReason}}).
1. List your open issues: GET {{wakefleetApiUrl}}/companies/{{companyId}}/issues?assigneeAgentId={{agentId}}.
2. Work on the most important one as above.
3. If there is none, say so and end.
{{/noTask}}`;

/** Fills the template; null takes the adapter's own. `apiUrl` may end in `/api` or not. */
export function hermesPrompt(input: {
  readonly template: string | null;
  readonly execution: Pick<AdapterExecutionContext, "runId" | "agent" | "context" | "config">;
  readonly apiUrl: string;
}): string {
  const { template, execution, apiUrl } = input;
  // Only a custom template needs the rules put before it: the own one has them (AD-291).
  const text = template === null ? DEFAULT_TEMPLATE : `${SAFETY}\n\n${template}`;
  const values = promptValues(execution, apiUrl);
  return renderTemplate(withoutEmptyBlocks(text, values), { ...templateData(execution), ...values }).trim();
}

function promptValues(
  { runId, agent, context, config }: Pick<AdapterExecutionContext, "runId" | "agent" | "context" | "config">,
  apiUrl: string,
): Record<string, string> {
  const issue = {
    ...asJsonObject(asJsonObject(context["wakefleetWake"])["issue"]),
    ...asJsonObject(context["wakefleetIssue"]),
  };
  const apiBase = `${apiUrl.replace(/\/+$/, "").replace(/\/api$/, "")}/api`;
  const taskId = firstText(context, ["taskId", "issueId"]) ?? "";
  return {
    agentId: agent.id,
    agentName: agent.name,
    companyId: agent.companyId,
    companyName: firstText(context, ["companyName"]) ?? firstText(config, ["companyName"]) ?? "your company",
    runId,
    taskId,
    taskTitle: firstText(context, ["taskTitle"]) ?? firstText(issue, ["title"]) ?? "",
    taskBody: taskBodyOf(context, issue),
    commentId: firstText(context, ["commentId", "wakeCommentId"]) ?? "",
    wakeReason: firstText(context, ["wakeReason"]) ?? "unknown",
    projectName: firstText(context, ["projectName"]) ?? "",
    noTask: taskId === "" ? "true" : "",
    wakefleetApiUrl: apiBase,
    paperclipApiUrl: apiBase,
  };
}

function taskBodyOf(context: JsonObject, issue: JsonObject): string {
  return firstText(context, ["taskBody", "wakefleetTaskMarkdown"]) ?? firstText(issue, ["description"]) ?? "";
}

/** Keeps the inside of `{{#name}}…{{/name}}` when the value is not empty, drops it otherwise. */
function withoutEmptyBlocks(template: string, values: Readonly<Record<string, string>>): string {
  return BLOCKS.reduce(
    (text, name) =>
      text.replaceAll(
        new RegExp(`\\{\\{#${name}\\}\\}([\\s\\S]*?)\\{\\{/${name}\\}\\}`, "g"),
        (_block, inside: string) => (values[name] === "" ? "" : inside),
      ),
    template,
  ).replaceAll(/\n{3,}/g, "\n\n");
}
