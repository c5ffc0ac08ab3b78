/** The agent's instructions file as text for a prompt (AD-113, AD-145). */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { AdapterExecutionContext } from "../contract.js";
import { writeLogLine } from "../log-line.js";

export interface AgentInstructions {
  /** The file, as configured or made absolute. */
  readonly file: string;
  /** Its content and where its siblings lie. */
  readonly text: string;
}

/**
 * Reads `config.instructionsFilePath`; null when none is configured, it is empty, or it cannot be read (then the run's log
 * says so and the run goes on).
 */
export async function readInstructions(input: {
  readonly execution: Pick<AdapterExecutionContext, "onLog" | "onWarning">;
  readonly config: JsonObject;
  /** Relative paths start here. */
  readonly cwd: string;
}): Promise<AgentInstructions | null> {
  const configured = nonEmptyString(input.config["instructionsFilePath"])?.trim();
  if (configured === undefined) return null;
  const file = path.resolve(input.cwd, configured);
  try {
    const content = (await readFile(file, "utf8")).trim();
    return content === "" ? null : { file, text: `${content}\n\n${directive(file)}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await writeLogLine(input.execution, {
      stream: "stderr",
      text: `Warning: could not read agent instructions file "${file}": ${reason}`,
    });
    return null;
  }
}

function directive(file: string): string {
  return (
    `The instructions above were loaded from ${file}. Resolve relative file references in them from ` +
    `${path.dirname(file)}/, where ./HEARTBEAT.md, ./SOUL.md and ./TOOLS.md lie if they exist.`
  );
}
