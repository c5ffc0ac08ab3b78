/** Workspaces: where an installation keeps its files and where an agent works (05). */
export { ensureAgentHome } from "./agent-home.js";
export {
  type BaseWorkspace,
  type BaseWorkspaceRequest,
  type BaseWorkspaceSource,
  resolveBaseWorkspace,
} from "./base-workspace.js";
export type { GitSettings } from "./git.js";
export {
  agentHomePath,
  companySkillsPath,
  homeDirectory,
  type InstanceLocation,
  instanceId,
  instanceRoot,
  managedProjectPath,
  masterKeyPath,
  runLogsPath,
  runtimeServicesPath,
  workspaceOperationLogsPath,
} from "./instance-paths.js";
export {
  findLocalSkills,
  isWithin,
  type LocalSkill,
  type LocalSkillFile,
  type LocalSkillReading,
  readLocalSkill,
  skillFolder,
} from "./local-skill.js";
export { isDirectory } from "./managed-directory.js";
export type { ProjectWorkspace, WorkspaceHint, WorkspaceProject } from "./project-workspace.js";
export { isSkillWritten, type WrittenSkill, writeSkill, writtenSkillPath } from "./written-skill.js";
