/** A skill as it is answered (API-235). */
import type { SkillDetailRow, SkillRow } from "@wakefleet/store";

/** The one file whose text the database holds. */
export const SKILL_FILE = "SKILL.md";

const LABELS: Readonly<Record<string, string>> = {
  local_path: "Local folder",
  github: "GitHub",
  url: "URL",
  catalog: "Catalog",
  skills_sh: "skills.sh",
};

/** Text that lies here alone can be changed here; another's is changed where it comes from. */
function isEditable({ sourceType, sourceLocator }: SkillRow): boolean {
  return sourceType === "local_path" && sourceLocator === null;
}

interface SkillOrigin {
  readonly editable: boolean;
  readonly editableReason: string | null;
  readonly sourceLabel: string;
  readonly sourceBadge: string;
}

export function presentSkill<Row extends SkillRow>(skill: Row): Row & SkillOrigin {
  const editable = isEditable(skill);
  const label = editable ? "Managed by Wakefleet" : (LABELS[skill.sourceType] ?? skill.sourceType);
  return {
    ...skill,
    editable,
    editableReason: editable ? null : `This skill comes from elsewhere (${label}) and is changed there.`,
    sourceLabel: label,
    sourceBadge: editable ? "wakefleet" : skill.sourceType,
  };
}

export function presentSkillFile(skill: SkillDetailRow): object {
  return {
    skillId: skill.id,
    path: SKILL_FILE,
    kind: "skill",
    content: skill.markdown,
    language: "markdown",
    markdown: true,
    editable: isEditable(skill),
  };
}
