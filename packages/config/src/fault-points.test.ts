import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createFaultPoints, faultPlan } from "./fault-points.js";

describe("fault points", () => {
  it.each([
    ["a-b:kill", [{ point: "a-b", kind: "kill", onHit: 1 }]],
    ["a-b:kill:3", [{ point: "a-b", kind: "kill", onHit: 3 }]],
    ["a:delay=500", [{ point: "a", kind: "delay", delayMs: 500, onHit: null }]],
    [
      "a:delay=5:2, b:kill",
      [
        { point: "a", kind: "delay", delayMs: 5, onHit: 2 },
        { point: "b", kind: "kill", onHit: 1 },
      ],
    ],
    ["a-b:stop", [{ point: "a-b", kind: "stop", onHit: 1 }]],
    ["a:block=4000:2", [{ point: "a", kind: "block", blockMs: 4_000, onHit: 2 }]],
    ["", []],
  ])("RL-28 reads %j", (text, plan) => {
    expect(faultPlan.parse(text)).toEqual(plan);
  });

  it.each(["a", "a:explode", "a:kill:0", "a:delay", "a:block", "A:kill", ":kill"])(
    "RL-28 refuses %j and says which part",
    (text) => {
      expect(faultPlan.safeParse(text).error?.issues[0]?.message).toContain(`"${text}" is none`);
    },
  );

  it("RL-28 without a plan every point does nothing, and costs no new promise", () => {
    const points = createFaultPoints([]);
    expect(points.hit("anything")).toBe(points.hit("anything else"));
  });

  it("RL-28 a block keeps the event loop from turning", async () => {
    const points = createFaultPoints([{ point: "here", kind: "block", blockMs: 50, onHit: null }]);
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await points.hit("here");
    expect(turned).toBe(false);
  });

  it("RL-28 a kill takes the process at the hit it names and not before", async () => {
    const built = fileURLToPath(new URL("../dist/fault-points.js", import.meta.url));
    const program = `
      import { createFaultPoints } from ${JSON.stringify(built)};
      const points = createFaultPoints([{ point: "here", kind: "kill", onHit: 2 }]);
      await points.hit("here"); console.log("once"); await points.hit("elsewhere"); await points.hit("here"); console.log("twice");
    `;
    const ended = await new Promise<{ signal: unknown; said: string }>((resolve) => {
      execFile(process.execPath, ["--input-type=module", "-e", program], (error, said) =>
        resolve({ signal: error?.signal, said }),
      );
    });
    expect(ended).toEqual({ signal: "SIGKILL", said: "once\n" });
  });
});
