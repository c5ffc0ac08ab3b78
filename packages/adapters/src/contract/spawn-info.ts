/** One process that was started for the run (AD-17). */
export interface SpawnInfo {
  readonly pid: number;
  /** Equals `pid` where there are process groups; null on Windows (AD-41). */
  readonly processGroupId: number | null;
  /**
   * When the process started, as the operating system knows it where it tells (Linux), else when it was spawned.
   * Stored, and compared later by `inspectProcess` to rule out a reused pid (PL-2).
   */
  readonly startedAt: Date;
}
