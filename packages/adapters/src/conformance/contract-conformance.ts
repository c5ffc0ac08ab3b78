/**
 * What must hold of every adapter, whatever it wakes and how (07 sections 1 to 3 and 7): for the adapters here and for
 * those of packages. Registers its cases with vitest; adapters that start a process also call `describeAdapterConformance`.
 */
import { isJsonObject, type JsonObject } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Adapter, RunAborted, summariseChecks } from "../contract.js";
import { adapterProblems } from "../packages/adapter-shape.js";
import { defaultSessionCodec } from "../session-codec.js";
import { recordRun } from "./recorded-run.js";

export interface ContractSubject {
  readonly adapter: Adapter;
  /** Settings under which a run could begin. */
  readonly config: JsonObject;
}

const TEST_TIMEOUT_MS = 30_000;

export function describeAdapterContract({ adapter, config }: ContractSubject): void {
  describe(`adapter contract: ${adapter.type}`, { timeout: TEST_TIMEOUT_MS }, () => {
    it("AD-1 AD-2 has the members of an adapter, of the right kinds", () => {
      expect(adapterProblems(adapter)).toEqual([]);
    });

    it("AD-2 describes its settings as JSON Schema", () => {
      const schema = adapter.getConfigSchema?.();
      if (schema === undefined) return;
      expect(schema["type"]).toBe("object");
      expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    });

    it("AD-92 tests an empty configuration, says what is wrong and sums it up", async () => {
      const tested = await adapter.testEnvironment({
        companyId: "company-1",
        adapterType: adapter.type,
        config: {},
        workerEnv: {},
      });
      expect(tested.adapterType).toBe(adapter.type);
      expect(tested.checks.length).toBeGreaterThan(0);
      for (const check of tested.checks) {
        expect(check.code).toMatch(/^[a-z0-9_]+$/);
        expect(check.message).not.toBe("");
      }
      expect(new Date(tested.testedAt).toISOString()).toBe(tested.testedAt);
      const summed = summariseChecks({ ...tested, testedAt: new Date(tested.testedAt) });
      expect(tested.status).toBe(summed.status);
    });

    it("AD-34 its session codec takes anything, and what it writes it reads back", () => {
      const codec = adapter.sessionCodec ?? defaultSessionCodec;
      fc.assert(
        fc.property(fc.anything(), (raw) => {
          const params = codec.deserialize(raw);
          if (!isJsonObject(raw)) expect(params).toBeNull();
          expect(codec.deserialize(codec.serialize(params))).toEqual(params);
          expect(["string", "object", "undefined"]).toContain(typeof codec.getDisplayId?.(params));
        }),
      );
    });

    it("AD-14 does not run on the worker what is meant for another place", async () => {
      const executionTarget = { kind: "remote", transport: "ssh", remoteCwd: "/work" } as const;
      const ended = await recordRun(adapter, { config, execution: { executionTarget } }).then(
        ({ result, spawns }) => ({ failed: result.errorMessage != null, spawns: spawns.length }),
        (error: unknown) => ({ failed: error instanceof Error && error.message !== "", spawns: 0 }),
      );
      expect(ended).toEqual({ failed: true, spawns: 0 });
    });

    it("AD-28 starts nothing for a run that is cancelled already, and never calls it a success", async () => {
      const signal = AbortSignal.abort(new RunAborted("cancelled", "Cancelled before it began"));
      const { result, spawns } = await recordRun(adapter, { config, execution: { signal } });
      expect(spawns).toEqual([]);
      expect(result.errorMessage).toBeTruthy();
    });
  });
}
