/**
 * The config an adapter gets (CX-4, AD-12): the agent's, with its environment bindings turned into plain strings. What is
 * resolved here is never written back, logged or announced.
 */
import { asJsonObject, isJsonObject, type JsonObject } from "@wakefleet/contracts";

/** A binding that cannot be resolved ends the run before it starts (CX-2). */
export class EnvBindingError extends Error {
  override readonly name = "EnvBindingError";
}

/** Resolves `env` (DM-60): plain strings and `{type: "plain", value}`. */
export function resolveAdapterConfig(adapterConfig: JsonObject): JsonObject {
  const { env, ...rest } = adapterConfig;
  if (env === undefined) return adapterConfig;
  const resolved: JsonObject = {};
  for (const [name, binding] of Object.entries(asJsonObject(env))) {
    if (typeof binding === "string") resolved[name] = binding;
    else if (isJsonObject(binding) && binding["type"] === "plain" && typeof binding["value"] === "string") {
      resolved[name] = binding["value"];
    } else if (isJsonObject(binding) && binding["type"] === "secret_ref") {
      throw new EnvBindingError(
        `adapterConfig.env.${name} refers to a secret, and this fleet keeps no secrets yet. Give the value as {"type": "plain", "value": …}.`,
      );
    }
  }
  return { ...rest, env: resolved };
}
