/**
 * Skills from folders of the API's host (API-237): brought in, looked for in projects, and brought up to date.
 *
 * What must stay true: an agent brings in only what lies in a workspace of its company's projects.
 */
import { createHash } from "node:crypto";
import { WakefleetError } from "@wakefleet/contracts";
import { folderSkill, isInProjects, removeGoneSkills, skillsOfProjects, skillsOfSource } from "@wakefleet/engine";
import { type SkillDetailRow, storeFolderSkill } from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertCreatesAgents } from "../http/guards.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { presentSkill } from "./present-skill.js";
import { type CompanyCall, detailOf, noteSkill, requireSkill, type SkillCall } from "./skills.js";

type Stored = Awaited<ReturnType<typeof storeFolderSkill>>;

function presentRow({ markdown: _markdown, ...row }: SkillDetailRow): object {
  return presentSkill(row);
}

async function store(
  { tx, note }: Mutation,
  of: { companyId: string; skills: Parameters<typeof folderSkill>[1][] },
): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (const skill of of.skills) {
    const one = await storeFolderSkill(tx, folderSkill(of.companyId, skill));
    if (one.change !== "none") noteSkill(note, one.skill, one.change === "made" ? "skill.imported" : "skill.updated");
    stored.push(one);
  }
  return stored;
}

/** A company for a caller that may bring skills into it. */
async function requireCollecting(deps: ApiDeps, call: CompanyCall): Promise<string> {
  const { id } = await requireCompany(deps, call);
  await assertCreatesAgents(deps.db.sql, call.caller);
  return id;
}

async function assertMayRead(
  deps: ApiDeps,
  of: { caller: Principal; companyId: string; source: string },
): Promise<void> {
  if (of.caller.kind !== "agent" || (await isInProjects(deps.db.sql, of))) return;
  throw new WakefleetError("forbidden", "Agents import skills from the workspaces of their company's projects only");
}

export async function importSkills(deps: ApiDeps, call: CompanyCall & { source: string }): Promise<object> {
  const { caller, source } = call;
  const companyId = await requireCollecting(deps, call);
  await assertMayRead(deps, { caller, companyId, source });
  const { skills, warnings } = await skillsOfSource(source);
  const stored = await mutate(deps, actorOf(caller), (mutation) => store(mutation, { companyId, skills: [...skills] }));
  return { imported: stored.map(({ skill }) => presentRow(skill)), warnings };
}

export async function scanProjects(deps: ApiDeps, call: CompanyCall): Promise<object> {
  const companyId = await requireCollecting(deps, call);
  const { skills, warnings, roots } = await skillsOfProjects(deps.db.sql, companyId);
  const { stored, removed } = await mutate(deps, actorOf(call.caller), async (mutation) => {
    const stored = await store(mutation, { companyId, skills: [...skills] });
    const removed = await removeGoneSkills(mutation.tx, { companyId, roots });
    for (const skill of removed) noteSkill(mutation.note, { ...skill, companyId }, "skill.deleted");
    return { stored, removed };
  });
  const rowsOf = (change: Stored["change"]): object[] =>
    stored.filter((one) => one.change === change).map(({ skill }) => presentRow(skill));
  return {
    scannedWorkspaces: roots.length,
    discovered: skills.length,
    imported: rowsOf("made"),
    updated: rowsOf("changed"),
    removed,
    warnings,
  };
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What the folder of a skill holds now; the reason where it cannot be told. */
async function latestOf(skill: SkillDetailRow): Promise<{ text: string } | { reason: string }> {
  const { sourceType, sourceLocator } = skill;
  if (sourceType !== "local_path" || sourceLocator === null) {
    return { reason: "Only skills that come from a folder can be brought up to date" };
  }
  try {
    const [found] = (await skillsOfSource(sourceLocator)).skills;
    if (found?.directory === sourceLocator) return { text: found.markdown };
  } catch (error) {
    if (!(error instanceof WakefleetError)) throw error;
  }
  return { reason: `The folder "${sourceLocator}" of this skill is not on this host` };
}

export async function readUpdateStatus(deps: ApiDeps, call: SkillCall): Promise<object> {
  const skill = await requireSkill(deps, call);
  await assertCreatesAgents(deps.db.sql, call.caller);
  const latest = await latestOf(skill);
  const currentRef = digest(skill.markdown);
  const latestRef = "text" in latest ? digest(latest.text) : null;
  return {
    supported: latestRef !== null,
    reason: "reason" in latest ? latest.reason : null,
    trackingRef: skill.sourceLocator,
    currentRef,
    latestRef,
    hasUpdate: latestRef !== null && latestRef !== currentRef,
  };
}

/** Throws `unprocessable` where there is nothing to bring it up to date from. */
export async function installUpdate(deps: ApiDeps, call: SkillCall): Promise<object> {
  const { caller } = call;
  const skill = await requireSkill(deps, call);
  await assertCreatesAgents(deps.db.sql, caller);
  const latest = await latestOf(skill);
  if ("reason" in latest) throw new WakefleetError("unprocessable", latest.reason);
  const { companyId } = skill;
  const source = skill.sourceLocator ?? "";
  await assertMayRead(deps, { caller, companyId, source });
  const { skills } = await skillsOfSource(source);
  await mutate(deps, actorOf(caller), (mutation) => store(mutation, { companyId, skills: [...skills] }));
  return await detailOf(deps, await requireSkill(deps, call));
}
