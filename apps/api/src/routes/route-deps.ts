/** What route modules get: the application's parts, and how to make key changes effective at once. */
import type { ApiDeps } from "../deps.js";
import type { Authenticator } from "../http/authenticate.js";

export type RouteDeps = ApiDeps & {
  readonly authenticator: Authenticator;
  /** Forgets cached look-ups of this process (API-305). */
  forgetKeys(): void;
};
