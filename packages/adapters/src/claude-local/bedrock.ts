/** Claude through Amazon Bedrock (AD-104): who bills, and which model ids are understood there. */
import { hasValue } from "../cli/biller.js";

/** True when Claude Code is told to use Bedrock. */
export function usesBedrock(env: Readonly<Record<string, string | undefined>>): boolean {
  const flag = env["CLAUDE_CODE_USE_BEDROCK"]?.trim().toLowerCase();
  return flag === "1" || flag === "true" || hasValue(env, "ANTHROPIC_BEDROCK_BASE_URL");
}

/** True for `<region>.anthropic.…` and for an ARN; other ids mean nothing to Bedrock (AD-100). */
export function isBedrockModel(model: string): boolean {
  return /^[\w-]+\.anthropic\./.test(model) || model.startsWith("arn:aws:bedrock:");
}
