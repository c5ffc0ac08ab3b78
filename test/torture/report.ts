/** What a torture found, for people and for machines, with the shortest command that has a chance to show it again. */
import type { Verdict } from "./checker.js";
import type { InjectedFault } from "./faults.js";
import { FAULT_KINDS, FAULTS, type FaultKind } from "./schedule.js";
import type { TortureResult } from "./torture.js";

/** Faults that ended longer before a violation than this had no part in it. */
const SUSPECT_FOR_MS = 20_000;
const SHOWN_VIOLATIONS = 10;

/** True when every promise held. */
export function hasHeld({ verdicts }: TortureResult): boolean {
  return verdicts.every(({ violations }) => violations.length === 0);
}

/** Lines for a terminal. */
export function report(result: TortureResult): string {
  const { plan, verdicts, faults, tookMs, kept } = result;
  const width = Math.max(...verdicts.map(({ what }) => what.length));
  const lines = [
    `seed ${plan.seed}, ${plan.minutes} minutes of faults, ${Math.round(tookMs / 1000)} s in all`,
    `faults: ${countedFaults(faults)}`,
    ...(result.diskWasFilled ? [] : ["left out: disk-full (a small disk can be mounted by root on Linux only)"]),
    "",
    ...verdicts.flatMap((verdict) => [
      `${verdict.violations.length === 0 ? "held  " : "BROKEN"}  ${verdict.promise.padEnd(7)}  ${verdict.what.padEnd(width)}  ${verdict.figure}`,
      ...shown(verdict),
    ]),
  ];
  if (!hasHeld(result)) lines.push("", `kept: ${kept}`, `again: ${replayOf(result)}`);
  return lines.join("\n");
}

/** The same as one JSON document. */
export function reportJson(result: TortureResult): string {
  const again = hasHeld(result) ? null : replayOf(result);
  return JSON.stringify({ held: hasHeld(result), ...result, replay: again }, null, 2);
}

function shown({ violations }: Verdict): string[] {
  const lines = violations.slice(0, SHOWN_VIOLATIONS).map(({ what, atMs }) => {
    return `          ${atMs === null ? "" : `${new Date(atMs).toISOString()} `}${what}`;
  });
  const more = violations.length - SHOWN_VIOLATIONS;
  return more > 0 ? [...lines, `          and ${more} more`] : lines;
}

function countedFaults(faults: readonly InjectedFault[]): string {
  const counts = FAULT_KINDS.map((kind) => [kind, faults.filter((fault) => fault.kind === kind).length] as const);
  const done = counts.filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`);
  return done.length === 0 ? "none" : done.join(", ");
}

/**
 * Same seed, no longer than until the first violation, and only the kinds of faults that were under way shortly before:
 * the plan is a function of the seed, so those come at the same times.
 */
export function replayOf({ plan, verdicts, faults }: TortureResult): string {
  const times = verdicts.flatMap(({ violations }) => violations.flatMap(({ atMs }) => (atMs === null ? [] : [atMs])));
  const first = times.length === 0 ? null : Math.min(...times);
  const base = `npm run torture -- --seed ${plan.seed} --minutes ${plan.minutes}`;
  if (first === null)
    return plan.kinds.length === FAULT_KINDS.length ? base : `${base} --faults ${plan.kinds.join(",")}`;
  const suspects = faults.filter(({ fromMs, toMs }) => fromMs <= first && toMs >= first - SUSPECT_FOR_MS);
  const kinds = [...new Set(suspects.map(({ kind }) => kind))];
  return kinds.length === 0 ? base : `${base} --faults ${kinds.join(",")}`;
}

/** The faults there are, for the help text. */
export function faultList(): string {
  const width = Math.max(...FAULT_KINDS.map((kind: FaultKind) => kind.length));
  return FAULT_KINDS.map((kind) => `    ${kind.padEnd(width)}  ${FAULTS[kind].what}`).join("\n");
}
