/** The models Pi knows here (AD-264). */
import { stripVTControlCharacters } from "node:util";
import { createModelDiscovery } from "../model-discovery.js";

export const piModels = createModelDiscovery({
  // The table comes on stdout or, today, on stderr.
  parse: ({ stdout, stderr }) => parsePiModels(`${stdout}\n${stderr}`),
});

export const PI_MODELS_ARGS: readonly string[] = ["--list-models"];

/** `provider/model` of each row of the table `provider model context max-out thinking images`. */
export function parsePiModels(output: string): string[] {
  const rows = stripVTControlCharacters(output)
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s+/));
  const header = rows.findIndex(([first, second]) => first === "provider" && second === "model");
  if (header < 0) return [];
  return rows
    .slice(header + 1)
    .flatMap(([provider, model, context]) =>
      provider !== undefined && model !== undefined && context !== undefined ? [`${provider}/${model}`] : [],
    );
}
