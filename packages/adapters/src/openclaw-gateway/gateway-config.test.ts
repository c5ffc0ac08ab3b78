import { describe, expect, it } from "vitest";
import { readOpenClawGatewayConfig } from "./gateway-config.js";

describe("AD-312 how long the gateway may take", () => {
  it.each([
    [{}, 15_000, 120_000],
    [{ timeoutSec: 4 }, 4_000, 4_000],
    [{ timeoutSec: 15 }, 15_000, 15_000],
    [{ timeoutSec: 600 }, 15_000, 600_000],
    [{ timeoutSec: 0 }, 10_000, 30_000],
    [{ timeoutSec: -5 }, 10_000, 30_000],
    [{ timeoutSec: 0, waitTimeoutMs: 700 }, 10_000, 700],
    [{ timeoutSec: 600, waitTimeoutMs: 700 }, 15_000, 700],
    [{ timeoutSec: "600", waitTimeoutMs: "700" }, 15_000, 120_000],
  ])("AD-310 AD-312 %j: %i ms to connect, %i ms to wait", (config, connectTimeoutMs, waitTimeoutMs) => {
    expect(readOpenClawGatewayConfig(config)).toMatchObject({ connectTimeoutMs, waitTimeoutMs });
  });
});
