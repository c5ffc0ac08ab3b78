import type { HostFigures } from "@wakefleet/domain";
import { expect, it } from "vitest";
import { createHostPressureWatch } from "./host-pressure.js";

it("BY-10 takes nothing while the host is under pressure, says so once, and never sets a stopping worker going", async () => {
  const did: string[] = [];
  let figures: HostFigures = { availableMemoryShare: 0.5, loadPerCore: 1 };
  let isStopping = false;
  const tell = (level: string) => (fields: object | string) => {
    if (typeof fields === "object" && "event" in fields) did.push(`${level} ${String(fields.event)}`);
  };
  const look = createHostPressureWatch({
    limits: { minMemoryShare: 0.1, maxLoadPerCore: null },
    consumer: { pause: () => did.push("pause"), resume: () => did.push("resume") },
    isStopping: () => isStopping,
    log: { debug: tell("debug"), info: tell("info"), warn: tell("warn"), error: tell("error") },
    read: async () => figures,
  });
  const lookAt = async (availableMemoryShare: number): Promise<string[]> => {
    figures = { availableMemoryShare, loadPerCore: 1 };
    await look();
    return did.splice(0);
  };
  expect(await lookAt(0.5)).toEqual([]);
  expect(await lookAt(0.09)).toEqual(["pause", "warn host.pressure"]);
  expect(await lookAt(0.11)).toEqual(["pause"]);
  expect(await lookAt(0.2)).toEqual(["resume", "info host.relief"]);
  expect(await lookAt(0.01)).toEqual(["pause", "warn host.pressure"]);
  isStopping = true;
  expect(await lookAt(0.9)).toEqual([]);
});
