/**
 * The fence (DM-33, CL-17): every write a worker makes for a run names the worker and the claim token it was given. Zero
 * rows changed means "not mine any more": the worker stops the child and writes nothing else.
 */
export interface RunFence {
  readonly runId: string;
  readonly workerId: string;
  readonly claimToken: number;
}

/** A guarded transition either moved the row or found that somebody else had (STY-01). */
export type Transition<Row> = { readonly kind: "moved"; readonly row: Row } | { readonly kind: "lost" };
