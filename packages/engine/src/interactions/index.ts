export { type CreateInteractionCommand, createInteraction } from "./create-interaction.js";
export { type ResolveInteractionCommand, resolveInteractionAs } from "./resolve-interaction.js";
