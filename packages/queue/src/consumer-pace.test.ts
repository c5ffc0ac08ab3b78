/** Boot is not a stampede (BY-13): how many jobs a consumer has fetched by when, after a start, an outage and a resume. */
import { performance } from "node:perf_hooks";
import { startsAllowed } from "@wakefleet/domain";
import { waitFor } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { openCorner, runJob } from "../test/support.js";
import type { Verdict } from "./verdict.js";

const PER_SECOND = 5;
const WAITING = 30;
const done: Verdict = { kind: "finished", returnValue: {} };
const jobs = Array.from({ length: WAITING }, (_, index) => runJob(`agent-${index}`, `run-${index}`));

/** When each job was started, from a moment that is no later than the pace's beginning. */
class Starts {
  private sinceMs = performance.now();
  private atMs: number[] = [];

  beginNow(): void {
    this.sinceMs = performance.now();
    this.atMs = [];
  }
  note(): void {
    this.atMs.push(performance.now() - this.sinceMs);
  }
  get count(): number {
    return this.atMs.length;
  }
  /** The starts that came before the pace allowed them; a slow machine can only make them later. */
  tooEarly(): number[] {
    return this.atMs.filter(
      (elapsedMs, index) => startsAllowed({ perSecond: PER_SECOND, elapsedMs, started: index }) < 1,
    );
  }
}

describe("the pace of a consumer", () => {
  it("BY-13 after a start: waiting jobs are fetched at a pace that doubles, all of them, and nothing is held back then", async () => {
    const corner = await openCorner();
    await corner.add(jobs);
    const starts = new Starts();
    const consumer = await corner.consume({
      capacity: 100,
      startsPerSecond: PER_SECOND,
      onJob: async () => {
        starts.note();
        return done;
      },
    });
    await waitFor(() => starts.count === WAITING, { what: "every job", deadlineMs: 20_000 });
    expect(starts.tooEarly()).toEqual([]);
    await waitFor(() => !consumer.state().isPaced, { what: "the end of the pace", deadlineMs: 10_000 });
  });

  it("BY-13 a consumer that finds nothing waiting holds nothing back; after a resume it does", async () => {
    const corner = await openCorner();
    const starts = new Starts();
    const consumer = await corner.consume({
      capacity: 100,
      startsPerSecond: PER_SECOND,
      onJob: async () => {
        starts.note();
        return done;
      },
    });
    await waitFor(() => !consumer.state().isPaced, { what: "the first look" });
    consumer.pause();
    await corner.add(jobs);
    starts.beginNow();
    consumer.resume();
    expect(consumer.state().isPaced).toBe(true);
    await waitFor(() => starts.count === WAITING, { what: "every job", deadlineMs: 20_000 });
    expect(starts.tooEarly()).toEqual([]);
  });

  it("BY-13, BY-14 while jobs cannot be tried, and when they can again, they are tried at a pace", async () => {
    const corner = await openCorner();
    const starts = new Starts();
    let isAway = true;
    let failures = 0;
    const consumer = await corner.consume({
      capacity: 100,
      startsPerSecond: PER_SECOND,
      onJob: async () => {
        if (isAway) {
          failures += 1;
          throw new Error("the database is away");
        }
        starts.note();
        return done;
      },
    });
    await waitFor(() => !consumer.state().isPaced, { what: "the first look" });
    await corner.add(jobs);
    await waitFor(() => failures >= 10, { what: "tries in vain", deadlineMs: 20_000 });
    expect(consumer.state().isPaced).toBe(true);
    isAway = false;
    await waitFor(() => starts.count === WAITING, { what: "every job", deadlineMs: 25_000 });
    await waitFor(() => !consumer.state().isPaced, { what: "the end of the pace", deadlineMs: 10_000 });
  });
});
