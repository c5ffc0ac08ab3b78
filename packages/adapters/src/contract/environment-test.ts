/** What "test this adapter's environment" takes and answers (AD-92). */
import type { JsonObject } from "@wakefleet/contracts";

export type EnvironmentCheckLevel = "info" | "warn" | "error";

/** One finding. `code` is stable; `message` is for people; `hint` says what to do. */
export interface EnvironmentCheck {
  readonly code: string;
  readonly level: EnvironmentCheckLevel;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

export interface EnvironmentTestContext {
  readonly companyId: string;
  readonly adapterType: string;
  readonly config: JsonObject;
  readonly deployment?: JsonObject;
  /** The worker's own environment. Default `process.env`. */
  readonly workerEnv?: Readonly<Record<string, string | undefined>>;
}

export interface EnvironmentTestResult {
  readonly adapterType: string;
  readonly status: "pass" | "warn" | "fail";
  readonly checks: readonly EnvironmentCheck[];
  /** ISO 8601. */
  readonly testedAt: string;
}

/** Sums up checks: any error fails, else any warning warns, else it passes (AD-92). `testedAt` is when they were made. */
export function summariseChecks(input: {
  readonly adapterType: string;
  readonly checks: readonly EnvironmentCheck[];
  readonly testedAt: Date;
}): EnvironmentTestResult {
  const has = (level: EnvironmentCheckLevel): boolean => input.checks.some((check) => check.level === level);
  return {
    adapterType: input.adapterType,
    status: has("error") ? "fail" : has("warn") ? "warn" : "pass",
    checks: input.checks,
    testedAt: input.testedAt.toISOString(),
  };
}
