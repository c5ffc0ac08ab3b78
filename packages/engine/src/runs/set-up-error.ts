/** A step before the adapter failed for a reason that has a code of its own (CX-2, CX-3): the run ends with that code. */
export class SetUpError extends Error {
  override readonly name = "SetUpError";
  constructor(
    /** The run's `error_code`. */
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
