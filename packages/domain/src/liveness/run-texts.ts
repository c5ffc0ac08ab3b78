/** Which texts of a run are looked at (LV-23 to LV-26). */
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { isNoisyLine } from "./patterns.js";

/** Where a run's words are found. */
export interface RunOutput {
  readonly resultJson: JsonObject | null;
  readonly stdoutExcerpt: string | null;
  readonly stderrExcerpt: string | null;
  readonly error: string | null;
  /** The run's own comments on its issue: the latest five, oldest of them first. */
  readonly comments: readonly string[];
}

export interface RunTexts {
  /** LV-23. */
  readonly final: string;
  /** LV-25: each source without its noisy lines, empty ones dropped. */
  readonly raw: readonly string[];
  /** LV-26: the high-signal text if there is any, else the raw text; empty without useful output. */
  readonly judged: string;
}

const FINAL_KEYS = ["nextAction", "summary", "result", "message", "error"];

/** Collects them. The continuation summary is none of them (LV-24, RC-91a). */
export function runTexts(output: RunOutput): RunTexts {
  const result = asJsonObject(output.resultJson);
  const final = joined(FINAL_KEYS.map((key) => nonEmptyString(result[key])));
  const high = joined([...output.comments, final]);
  const raw = [
    joined([nonEmptyString(result["stdout"]), nonEmptyString(result["stderr"])]),
    output.stdoutExcerpt,
    output.stderrExcerpt,
    output.error,
  ]
    .map(withoutNoise)
    .filter((text) => text !== "");
  return { final, raw, judged: high === "" ? raw.join("\n") : high };
}

/** Trimmed, empty ones dropped, one a line. */
function joined(texts: readonly (string | null)[]): string {
  return texts
    .map((text) => text?.trim() ?? "")
    .filter((text) => text !== "")
    .join("\n");
}

/** What the product itself writes into a run's log (EX-9) is no word of the agent, as its rows are no evidence (LV-22). */
const OWN_LINE = "[wakefleet] ";

function withoutNoise(text: string | null): string {
  return (text ?? "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith(OWN_LINE) && !isNoisyLine(line))
    .join("\n")
    .trim();
}
