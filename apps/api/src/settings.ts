/** The configuration as the HTTP side reads it. */
import { homedir } from "node:os";
import type { Config } from "@wakefleet/config";
import type { SilenceThresholds } from "@wakefleet/domain";
import type { ApiSettings } from "./deps.js";

/** API-9: the reference's limit. */
const BODY_LIMIT_BYTES = 10 * 1024 * 1024;

/** RC-40. */
export function silenceThresholdsOf(config: Config): SilenceThresholds {
  const { silenceSuspicionMs: suspicionMs, silenceCriticalMs: criticalMs, silenceQuietMs: continueMs } = config;
  return { suspicionMs, criticalMs, continueMs };
}

export function apiSettingsOf(config: Config): ApiSettings {
  return {
    authMode: config.authMode,
    authSecret: config.authSecret,
    publicUrl: config.publicUrl,
    corsOrigins: config.corsOrigins,
    leaseMs: config.leaseMs,
    silence: silenceThresholdsOf(config),
    bodyLimitBytes: BODY_LIMIT_BYTES,
    location: {
      env: { WAKEFLEET_HOME: config.wakefleetHome, WAKEFLEET_INSTANCE_ID: config.instanceId },
      userHome: homedir(),
    },
    secrets: { strict: config.secretsStrictMode, defaultProvider: config.secretsProvider },
    rateLimits: {
      reads: { perSecond: config.rateLimitReads, burst: config.rateLimitReadsBurst },
      writes: { perSecond: config.rateLimitWrites, burst: config.rateLimitWritesBurst },
      // A second's worth, or twice that, may come at once.
      wakeups: { perSecond: config.rateLimitWakeups, burst: Math.max(1, config.rateLimitWakeups * 2) },
      failedAuthPerMinute: config.rateLimitFailedAuth,
    },
  };
}
