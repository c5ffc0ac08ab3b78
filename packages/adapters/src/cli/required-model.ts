/** The model setting of CLIs that need one and list what they know (AD-233, AD-260, AD-264). */
import { writeLogLine } from "../log-line.js";
import { type ModelDiscovery, ModelListTimeout, requireKnownModel } from "../model-discovery.js";
import type { CliSetup } from "./cli-tool.js";

/** `provider/model`. */
export const PROVIDER_MODEL = /^[^/\s]+\/\S+$/;

/**
 * Makes sure that the configured model can be used, before anything is started. A list that takes too long decides
 * nothing: the run goes on, and a CLI that does not know the model says so itself.
 * @throws Error when there is no model, it is not `provider/model`, or the CLI's list lacks it.
 */
export async function requireListedModel(
  setup: CliSetup,
  required: {
    /** The CLI's name in messages. */
    readonly name: string;
    /** As configured. */
    readonly model: string | null;
    readonly discovery: ModelDiscovery;
    /** Arguments of the CLI that print its models. */
    readonly listArgs: readonly string[];
  },
): Promise<void> {
  const { name, model, discovery, listArgs } = required;
  if (model === null || !PROVIDER_MODEL.test(model)) {
    throw new Error(`${name} requires \`adapterConfig.model\` in provider/model format.`);
  }
  const { command, cwd, env, execution } = setup;
  try {
    requireKnownModel({ name, model, available: await discovery.list({ command, args: listArgs, cwd, env }) });
  } catch (error) {
    if (!(error instanceof ModelListTimeout)) throw error;
    const text = `Warning: ${error.message}; the model "${model}" is not checked.`;
    await writeLogLine(execution, { stream: "stderr", text });
  }
}
