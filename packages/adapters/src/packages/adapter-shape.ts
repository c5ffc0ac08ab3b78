/** Whether something is an adapter (AD-1, AD-2), said in words for whoever wrote it. */
const TYPE = /^[a-z][a-z0-9_]{0,63}$/;
const REQUIRED_FUNCTIONS = ["execute", "testEnvironment"] as const;
const OPTIONAL_FUNCTIONS = [
  "listModels",
  "refreshModels",
  "listSkills",
  "syncSkills",
  "detectModel",
  "getConfigSchema",
  "getQuotaWindows",
  "onHireApproved",
] as const;
const OPTIONAL_FLAGS = [
  "supportsLocalAgentJwt",
  "supportsInstructionsBundle",
  "requiresMaterializedRuntimeSkills",
  "spawnsLocalProcess",
] as const;

/** What is wrong with `value` as an adapter; empty when nothing is. */
export function adapterProblems(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return ["it is no object"];
  const members = value as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const { type } = members;
  if (typeof type !== "string" || !TYPE.test(type)) {
    problems.push("`type` must be 1 to 64 small letters, digits and `_`, beginning with a letter");
  }
  for (const name of REQUIRED_FUNCTIONS) {
    if (typeof members[name] !== "function") problems.push(`\`${name}\` must be a function`);
  }
  for (const name of OPTIONAL_FUNCTIONS) {
    if (!["undefined", "function"].includes(typeof members[name])) problems.push(`\`${name}\` must be a function`);
  }
  for (const name of OPTIONAL_FLAGS) {
    if (!["undefined", "boolean"].includes(typeof members[name])) problems.push(`\`${name}\` must be true or false`);
  }
  if (members["sessionCodec"] !== undefined && !isCodec(members["sessionCodec"])) {
    problems.push("`sessionCodec` must have the functions `serialize` and `deserialize`");
  }
  return problems;
}

function isCodec(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const members = value as Readonly<Record<string, unknown>>;
  return typeof members["serialize"] === "function" && typeof members["deserialize"] === "function";
}
