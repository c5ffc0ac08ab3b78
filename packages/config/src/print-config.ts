/** Shows the configuration to people: the effective values (`--print-config`) and README's table (OP-10). */
import type { z } from "zod";
import { maskUrl } from "./mask.js";
import type { DraftConfig } from "./read-config.js";
import type { Variable } from "./variable.js";
import { VARIABLES } from "./variables.js";

/** One `NAME=value` line a variable, secrets and the passwords in URLs masked; absent ones are commented out. */
export function printConfig(config: DraftConfig): string {
  const lines = (Object.entries(VARIABLES) as [keyof typeof VARIABLES, Variable<z.ZodType>][]).map(
    ([key, variable]) => {
      const value: unknown = config[key];
      return value === null ? `# ${variable.name} is not set` : `${variable.name}=${show(value, variable)}`;
    },
  );
  return `${lines.join("\n")}\n`;
}

function show(value: unknown, { secrecy }: Variable<z.ZodType>): string {
  if (secrecy === "secret") return "****";
  if (secrecy === "url") return maskUrl(String(value));
  return Array.isArray(value)
    ? value.map((item) => (typeof item === "object" ? JSON.stringify(item) : item)).join(",")
    : String(value);
}

/** The Markdown table of all variables. */
export function configTable(): string {
  const rows = Object.values(VARIABLES).map(({ name, default: fallback, example, description }) => {
    const shown = fallback === null || fallback === "" ? "" : code(fallback);
    return `| \`${name}\` | ${shown} | ${code(example)} | ${description} |`;
  });
  return ["| variable | default | example | what it does |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}
