export { type CreateInteractionCommand, createInteraction } from "./create-interaction.js";
export { expireStaleConfirmations } from "./expire-confirmations.js";
export { type ResolveInteractionCommand, resolveInteractionAs } from "./resolve-interaction.js";
