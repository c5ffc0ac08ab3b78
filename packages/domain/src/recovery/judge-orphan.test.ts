import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeOrphan, lostRunError, type OrphanFacts } from "./judge-orphan.js";

const facts = (one: Partial<OrphanFacts>): OrphanFacts => ({
  keepsLocalChild: true,
  pid: 41,
  processGroupId: 40,
  child: "dead",
  spool: "none",
  sameHostAndBoot: true,
  adoptGraceOver: false,
  processLossRetryCount: 0,
  cancelRequested: false,
  ...one,
});
const elsewhere = { sameHostAndBoot: false, child: "unknown" } as const;

describe("a running run whose lease is over", () => {
  it("PL-2 a living child on the judge's own host is adopted", () => {
    expect(judgeOrphan(facts({ child: "alive" }))).toEqual({
      kind: "adopt",
      text: "Lost in-memory process handle, but child pid 41 is still alive",
      isSpooled: false,
    });
  });

  it.each<[string, Partial<OrphanFacts>, object]>([
    ["lives", { child: "alive", spool: "kept" }, { kind: "adopt", isSpooled: true }],
    ["ended by itself", { child: "dead", spool: "ended" }, { kind: "adopt", isSpooled: true }],
    ["ended and left others", { child: "group_only", spool: "ended" }, { kind: "adopt", isSpooled: true }],
    ["has gone a moment ago", { child: "dead", spool: "kept" }, { kind: "wait" }],
    ["is not recorded yet", { pid: null, processGroupId: null, spool: "kept" }, { kind: "wait" }],
    ["is gone with its keeper", { child: "dead", spool: "none" }, { kind: "lost", retry: true }],
    ["is of another host", { ...elsewhere, spool: "ended", adoptGraceOver: true }, { kind: "lost" }],
    ["is to be cancelled", { child: "alive", spool: "kept", cancelRequested: true }, { kind: "cancel" }],
  ])("BY-9 a child with a spool that %s", (_, one, verdict) => {
    expect(judgeOrphan(facts(one))).toMatchObject(verdict);
  });

  it("PL-2 another host's child is waited for until the grace is over, and then lost", () => {
    expect(judgeOrphan(facts(elsewhere))).toEqual({ kind: "wait" });
    expect(judgeOrphan(facts({ ...elsewhere, adoptGraceOver: true }))).toEqual({
      kind: "lost",
      text: "Process lost -- server may have restarted",
      terminateGroup: false,
      retry: true,
    });
  });

  it("PL-2 a run without a local child needs no waiting, wherever it ran", () => {
    expect(judgeOrphan(facts({ ...elsewhere, keepsLocalChild: false }))).toMatchObject({ kind: "lost", retry: false });
    expect(judgeOrphan(facts({ ...elsewhere, pid: null, processGroupId: null }))).toMatchObject({
      kind: "lost",
      text: "Process lost -- server may have restarted",
      retry: false,
    });
  });

  it.each<[string, Partial<OrphanFacts>, string, boolean]>([
    [
      "descendants of the group live",
      { child: "group_only" },
      "Process lost -- parent pid 41 exited, but descendant process group 40 was still alive and was terminated",
      true,
    ],
    ["the child is gone", { child: "dead" }, "Process lost -- child pid 41 is no longer running", false],
    ["only the group was known", { pid: null }, "Process lost -- process group 40 is no longer running", false],
    ["no child was known", { pid: null, processGroupId: null }, "Process lost -- server may have restarted", false],
  ])("PL-3 %s", (_, one, text, terminateGroup) => {
    expect(judgeOrphan(facts(one))).toMatchObject({ kind: "lost", text, terminateGroup });
  });

  it.each<[Partial<OrphanFacts>, boolean]>([
    [{}, true],
    [{ processLossRetryCount: 1 }, false],
    [{ pid: null }, true],
    [{ pid: null, processGroupId: null }, false],
    [{ keepsLocalChild: false }, false],
  ])("PL-4 %j: retried %s", (one, retry) => expect(judgeOrphan(facts(one))).toMatchObject({ retry }));

  it("PL-4 the error says so when it is retried", () => {
    expect(lostRunError("Process lost -- x", true)).toBe("Process lost -- x; retrying once");
    expect(lostRunError("Process lost -- x", false)).toBe("Process lost -- x");
  });

  it("DM-35 a cancel that was asked for ends it cancelled, a living child or group terminated first", () => {
    const cancelRequested = true;
    expect(judgeOrphan(facts({ cancelRequested }))).toEqual({ kind: "cancel", terminateGroup: false });
    expect(judgeOrphan(facts({ cancelRequested, child: "alive" }))).toEqual({ kind: "cancel", terminateGroup: true });
    expect(judgeOrphan(facts({ cancelRequested, child: "group_only" }))).toEqual({
      kind: "cancel",
      terminateGroup: true,
    });
  });

  it("PL-2 no pid of another host is ever judged: never adopted, never terminated", () => {
    const any = fc.record({
      keepsLocalChild: fc.boolean(),
      pid: fc.constantFrom(41, null),
      processGroupId: fc.constantFrom(40, null),
      child: fc.constantFrom("alive", "group_only", "dead", "unknown") as fc.Arbitrary<OrphanFacts["child"]>,
      spool: fc.constantFrom("none", "kept", "ended") as fc.Arbitrary<OrphanFacts["spool"]>,
      adoptGraceOver: fc.boolean(),
      processLossRetryCount: fc.integer({ min: 0, max: 2 }),
      cancelRequested: fc.boolean(),
    });
    fc.assert(
      fc.property(any, (one) => {
        const verdict = judgeOrphan({ ...one, sameHostAndBoot: false });
        expect(verdict.kind).not.toBe("adopt");
        expect("terminateGroup" in verdict && verdict.terminateGroup).toBe(false);
        expect(verdict.kind === "lost" && verdict.retry && one.processLossRetryCount > 0).toBe(false);
      }),
    );
  });
});
