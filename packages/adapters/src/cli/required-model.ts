/** The model setting of CLIs that need one (AD-233, AD-260). */

/** `provider/model`. */
export const PROVIDER_MODEL = /^[^/\s]+\/\S+$/;

/**
 * The configured model. `name` is the CLI's.
 * @throws Error when there is none or it is not `provider/model`.
 */
export function requireModelSetting(name: string, model: string | null): string {
  if (model !== null && PROVIDER_MODEL.test(model)) return model;
  throw new Error(`${name} requires \`adapterConfig.model\` in provider/model format.`);
}
