/** What Hermes itself is set to use: `~/.hermes/config.yaml` (AD-292). */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { HermesDefaults } from "./hermes-config.js";

/** The CLI's model and provider; null when it has no settings or they name no model. */
export async function readHermesDefaults(home: string): Promise<HermesDefaults | null> {
  try {
    return parseHermesDefaults(await readFile(path.join(home, ".hermes", "config.yaml"), "utf8"));
  } catch {
    // No settings: the CLI was never set up here, or by another user.
    return null;
  }
}

/** Reads `model: NAME`, or `default`, `name` and `provider` below `model:`; the rest of the file is not looked at. */
export function parseHermesDefaults(yaml: string): HermesDefaults | null {
  const lines = yaml.split(/\r?\n/);
  const start = lines.findIndex((line) => /^model\s*:/.test(line));
  if (start < 0) return null;
  const inline = scalar(lines[start]?.replace(/^model\s*:/, "") ?? "");
  if (inline !== "") return { model: inline, provider: "" };
  const values = new Map<string, string>();
  for (const line of lines.slice(start + 1)) {
    if (/^\S/.test(line) && !line.startsWith("#")) break;
    const entry = /^\s+([\w-]+)\s*:(.*)$/.exec(line);
    if (entry?.[1] !== undefined && !values.has(entry[1])) values.set(entry[1], scalar(entry[2] ?? ""));
  }
  const model = values.get("default") ?? values.get("name") ?? values.get("model") ?? "";
  return model === "" ? null : { model, provider: values.get("provider") ?? "" };
}

/** A plain or quoted value without its comment. */
function scalar(text: string): string {
  const trimmed = text.trim();
  const quoted = /^(["'])(.*?)\1/.exec(trimmed);
  return quoted?.[2] ?? trimmed.replace(/(?:^|\s)#.*$/, "").trim();
}
