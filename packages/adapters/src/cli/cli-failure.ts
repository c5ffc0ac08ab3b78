/** What a judgement says of an agent CLI that failed. */
import type { AdapterExecutionResult } from "../contract.js";

/** Why an attempt failed. `exitCode` replaces the CLI's own where that one lies. */
export type CliFailure = Pick<
  AdapterExecutionResult,
  "errorCode" | "errorFamily" | "retryNotBefore" | "errorMeta" | "clearSession"
> & { readonly errorMessage: string; readonly exitCode?: number };
