/**
 * Fault points (RL-28): named places where a process under test kills itself or waits, so that a test hits a crash
 * window on purpose instead of hoping for it.
 *
 * What must stay true: in a normal configuration there is no plan, `hit` does nothing, and no request, job or file can
 * make one: the plan comes from `WAKEFLEET_FAULTS`, which is refused unless `NODE_ENV=test`.
 */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

/** What happens at one point. `onHit` counts from 1; null means at every hit. */
export type Fault =
  | { readonly point: string; readonly kind: "kill"; readonly onHit: number }
  /** SIGSTOP: the whole process stands still until somebody sends SIGCONT. */
  | { readonly point: string; readonly kind: "stop"; readonly onHit: number }
  | { readonly point: string; readonly kind: "delay"; readonly delayMs: number; readonly onHit: number | null }
  /** The event loop stands still: no timer fires, nothing is read, no lease is renewed. */
  | { readonly point: string; readonly kind: "block"; readonly blockMs: number; readonly onHit: number | null };

/** A point is a name in kebab case that says between which two steps it lies: `after-commit-before-enqueue`. */
export interface FaultPoints {
  /** Settles at once unless the plan names this point. A `kill` never settles: the process is gone. */
  hit(point: string): Promise<void>;
}

const FAULT =
  /^(?<point>[a-z0-9]+(?:-[a-z0-9]+)*):(?:(?<signal>kill|stop)|delay=(?<delayMs>\d{1,7})|block=(?<blockMs>\d{1,5}))(?::(?<onHit>[1-9]\d{0,8}))?$/;

/**
 * Reads a plan: `POINT:kill[:N]` and `POINT:stop[:N]` (at the N-th hit, else the first), `POINT:delay=MS[:N]` and
 * `POINT:block=MS[:N]`, separated by commas.
 */
export const faultPlan = z.string().transform((text, context): readonly Fault[] => {
  const faults: Fault[] = [];
  for (const part of text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")) {
    const groups = FAULT.exec(part)?.groups;
    if (groups === undefined) {
      context.addIssue({
        code: "custom",
        message: `must be POINT:kill[:N], POINT:stop[:N], POINT:delay=MS[:N] or POINT:block=MS[:N] separated by commas; "${part}" is none`,
      });
      return z.NEVER;
    }
    const point = groups["point"] ?? "";
    const onHit = groups["onHit"] === undefined ? null : Number(groups["onHit"]);
    if (groups["delayMs"] !== undefined) {
      faults.push({ point, kind: "delay", delayMs: Number(groups["delayMs"]), onHit });
    } else if (groups["blockMs"] !== undefined) {
      faults.push({ point, kind: "block", blockMs: Number(groups["blockMs"]), onHit });
    } else faults.push({ point, kind: groups["signal"] === "stop" ? "stop" : "kill", onHit: onHit ?? 1 });
  }
  return faults;
});

const NOTHING = Promise.resolve();
const NO_FAULTS: FaultPoints = { hit: () => NOTHING };

/** Fault points that follow `plan` ({@link faultPlan}); with an empty plan, ones that do nothing. */
export function createFaultPoints(plan: readonly Fault[]): FaultPoints {
  if (plan.length === 0) return NO_FAULTS;
  const hits = new Map<string, number>();
  return {
    async hit(point: string): Promise<void> {
      const count = (hits.get(point) ?? 0) + 1;
      hits.set(point, count);
      for (const fault of plan) {
        if (fault.point !== point || (fault.onHit !== null && fault.onHit !== count)) continue;
        if (fault.kind === "delay") await delay(fault.delayMs);
        else if (fault.kind === "block") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fault.blockMs);
        else process.kill(process.pid, fault.kind === "stop" ? "SIGSTOP" : "SIGKILL");
      }
    },
  };
}
