/** Skills over HTTP (API-235, API-236): texts that teach agents how something is done in this company. */
import { posix } from "node:path";
import { type SkillCreate, type SkillFilePatch, WakefleetError } from "@wakefleet/contracts";
import { agentShortName } from "@wakefleet/domain";
import {
  deleteSkill as deleteSkillRow,
  findSkill,
  insertSkill,
  listSkills,
  listSkillUsers,
  lockSkill,
  type SkillDetailRow,
  updateSkillMarkdown,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertCreatesAgents, insufficientScope } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { presentSkill, presentSkillFile, SKILL_FILE } from "./present-skill.js";

const NOT_FOUND = "Skill not found";

export interface CompanyCall {
  readonly caller: Principal;
  readonly companyId: string;
}
export interface SkillCall extends CompanyCall {
  readonly skillId: string;
}

/** API-235. */
export async function readSkills(deps: ApiDeps, call: CompanyCall): Promise<object[]> {
  const { id } = await requireCompany(deps, call);
  if (call.caller.kind === "enqueue") throw insufficientScope();
  return (await listSkills(deps.db.sql, id)).map(presentSkill);
}

/** API-235. */
export async function readSkill(deps: ApiDeps, call: SkillCall): Promise<object> {
  return detailOf(deps, await requireSkill(deps, call));
}

/** API-235. */
export async function readSkillFile(deps: ApiDeps, call: SkillCall & { path: string }): Promise<object> {
  const skill = await requireSkill(deps, call);
  assertSkillFile(call.path);
  return presentSkillFile(skill);
}

/** API-236. */
export async function createSkill(deps: ApiDeps, call: CompanyCall & { body: SkillCreate }): Promise<object> {
  const { caller, body } = call;
  const company = await requireCompany(deps, call);
  await assertCreatesAgents(deps.db.sql, caller);
  const { name, description } = body;
  const slug = body.slug ?? agentShortName(name).slice(0, 64).replace(/-+$/, "");
  if (slug === "") throw new WakefleetError("unprocessable", `The name "${name}" gives no slug; send one`);
  const key = `company/${slug}`;
  const skill = await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const made = await insertSkill(tx, {
      companyId: company.id,
      key,
      slug,
      name,
      description,
      markdown: body.markdown ?? template(name, description),
      fileInventory: [{ path: SKILL_FILE, kind: "skill" }],
    });
    if (made === null) throw new WakefleetError("conflict", `Skill already exists: ${key}`);
    noteSkill(note, made, "skill.created");
    return made;
  });
  return detailOf(deps, skill);
}

/** API-236. */
export async function patchSkillFile(deps: ApiDeps, call: SkillCall & { body: SkillFilePatch }): Promise<object> {
  const { caller, body } = call;
  const skill = await requireSkill(deps, call);
  await assertCreatesAgents(deps.db.sql, caller);
  assertSkillFile(body.path);
  const { editable, editableReason } = presentSkill(skill);
  if (!editable) throw new WakefleetError("unprocessable", editableReason ?? "This skill cannot be changed here");
  const changed = await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const after = found(await updateSkillMarkdown(tx, { id: skill.id, markdown: body.content }), NOT_FOUND);
    noteSkill(note, after, "skill.updated");
    return after;
  });
  return presentSkillFile(changed);
}

/** API-236: not while agents have chosen it. */
export async function deleteSkill(deps: ApiDeps, call: SkillCall): Promise<object> {
  const { caller } = call;
  const skill = await requireSkill(deps, call);
  await assertCreatesAgents(deps.db.sql, caller);
  await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    if (!(await lockSkill(tx, skill.id))) throw new WakefleetError("not_found", NOT_FOUND);
    const users = await listSkillUsers(tx, skill.id);
    if (users.length > 0) {
      const names = users.map(({ name }) => name).join(", ");
      throw new WakefleetError(
        "unprocessable",
        `Cannot delete skill "${skill.name}" while it is still used by ${names}.`,
      );
    }
    await deleteSkillRow(tx, skill.id);
    noteSkill(note, skill, "skill.deleted");
  });
  const { markdown: _markdown, ...row } = skill;
  return presentSkill(row);
}

/** The skill of a path, which the caller may see. */
export async function requireSkill(deps: ApiDeps, call: SkillCall): Promise<SkillDetailRow> {
  const { id: companyId } = await requireCompany(deps, call);
  if (call.caller.kind === "enqueue") throw insufficientScope();
  return found(await findSkill(deps.db.sql, { companyId, id: pathId(call.skillId, NOT_FOUND) }), NOT_FOUND);
}

/** As one skill is answered (API-235). */
export async function detailOf(deps: ApiDeps, skill: SkillDetailRow): Promise<object> {
  const usedByAgents = await listSkillUsers(deps.db.sql, skill.id);
  return { ...presentSkill(skill), attachedAgentCount: usedByAgents.length, usedByAgents };
}

/** A path within the skill's folder names its one file, or nothing; one that leads out of it is refused (API-236). */
function assertSkillFile(path: string): void {
  const plain = posix.normalize(path.replaceAll("\\", "/"));
  if (posix.isAbsolute(plain) || /^[A-Za-z]:/.test(plain) || plain === ".." || plain.startsWith("../")) {
    throw new WakefleetError("unprocessable", `The path "${path}" leads out of the skill's folder`);
  }
  if (plain !== SKILL_FILE) throw new WakefleetError("not_found", "Skill file not found");
}

/** Front matter as agents' tools read it; JSON texts are valid YAML. */
function template(name: string, description: string | null): string {
  const lines = [`name: ${JSON.stringify(name)}`, `description: ${JSON.stringify(description ?? name)}`];
  return `---\n${lines.join("\n")}\n---\n\n# ${name}\n`;
}

/** AC-34's kin: what happened to a skill, without its text. */
export function noteSkill(
  note: Mutation["note"],
  skill: Pick<SkillDetailRow, "id" | "companyId" | "key" | "name">,
  action: string,
): void {
  const { id: entityId, companyId, key, name } = skill;
  note({ companyId, action, entityType: "skill", entityId, details: { key, name } });
}
