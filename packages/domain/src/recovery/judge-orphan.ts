/**
 * Process loss (PL-1 to PL-4): what is to become of a running run whose lease is over. Pure; whoever noticed it looked
 * at the child first, and only on the child's own host and boot.
 */

/** What the process table of the child's host says. `unknown`: the judge is on another host or boot. */
export type ChildState = "alive" | "group_only" | "dead" | "unknown";

export interface OrphanFacts {
  /** The adapter keeps a local child (PL-2's adapters). */
  readonly keepsLocalChild: boolean;
  readonly pid: number | null;
  readonly processGroupId: number | null;
  readonly child: ChildState;
  /**
   * What the spool on the child's host says (BY-9): `kept`, somebody will write its end down; `ended`, it did, and its
   * own exit decides; `none`, there is no spool, or nobody will ever know how the child ends.
   */
  readonly spool: "none" | "kept" | "ended";
  /** The judge is on the host and boot where the child was started. */
  readonly sameHostAndBoot: boolean;
  /** `PROCESS_ADOPT_GRACE_MS` is over, counted as PL-2 says. */
  readonly adoptGraceOver: boolean;
  readonly processLossRetryCount: number;
  /** DM-35: a cancel was asked for; then the run ends cancelled, not lost. */
  readonly cancelRequested: boolean;
}

export type OrphanVerdict =
  /** PL-2, BY-9: the child lives, or its exit is known; the judging worker takes the run over. */
  | { readonly kind: "adopt"; readonly text: string; readonly isSpooled: boolean }
  /** PL-2: only the child's own host may judge; or its end is about to be written down. */
  | { readonly kind: "wait" }
  /** DM-35: ends as cancelled; a living child or group is terminated first. */
  | { readonly kind: "cancel"; readonly terminateGroup: boolean }
  /** PL-3, PL-4: failed, `process_lost`; one retry when `retry`. */
  | { readonly kind: "lost"; readonly text: string; readonly terminateGroup: boolean; readonly retry: boolean };

/** Decides what becomes of an orphaned run. */
export function judgeOrphan(facts: OrphanFacts): OrphanVerdict {
  const knewChild = facts.keepsLocalChild && (facts.pid !== null || facts.processGroupId !== null);
  // A worker that stands still between the start of a child and its record: the child lives, and is not to be doubled.
  if (facts.keepsLocalChild && !knewChild && facts.sameHostAndBoot && facts.spool === "kept") return { kind: "wait" };
  const elsewhere = knewChild && !facts.sameHostAndBoot;
  if (elsewhere && !facts.adoptGraceOver) return { kind: "wait" };

  const child: ChildState = !knewChild || elsewhere ? "dead" : facts.child;
  if (facts.cancelRequested) return { kind: "cancel", terminateGroup: child === "alive" || child === "group_only" };
  const spool = knewChild && !elsewhere ? facts.spool : "none";
  if (spool === "ended") {
    return {
      kind: "adopt",
      text: `Lost in-memory process handle, but child pid ${facts.pid} ended by itself`,
      isSpooled: true,
    };
  }
  if (child === "alive") {
    const text = `Lost in-memory process handle, but child pid ${facts.pid} is still alive`;
    return { kind: "adopt", text, isSpooled: spool === "kept" };
  }
  if (spool === "kept") return { kind: "wait" };
  return {
    kind: "lost",
    text: lostText(facts, knewChild && !elsewhere, child),
    terminateGroup: child === "group_only",
    retry: knewChild && facts.processLossRetryCount === 0,
  };
}

/** PL-3. */
function lostText(facts: OrphanFacts, childWasSeen: boolean, child: ChildState): string {
  if (!childWasSeen) return "Process lost -- server may have restarted";
  if (child === "group_only") {
    return `Process lost -- parent pid ${facts.pid} exited, but descendant process group ${facts.processGroupId} was still alive and was terminated`;
  }
  if (facts.pid !== null) return `Process lost -- child pid ${facts.pid} is no longer running`;
  return `Process lost -- process group ${facts.processGroupId} is no longer running`;
}

/** PL-4: the error text of the lost run. */
export function lostRunError(text: string, retried: boolean): string {
  return retried ? `${text}; retrying once` : text;
}
