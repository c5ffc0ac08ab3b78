/** The API as other rooms start and extend it: Bull Board and the console are routers that it mounts. */
export { type App, createApp } from "./app.js";
export type { ApiDeps, ApiSettings, RouterKit } from "./deps.js";
export { boardOf } from "./http/board-only.js";
export type { BoardPrincipal } from "./principal.js";
export { type ApiOptions, type RunningApi, startApi } from "./start-api.js";
