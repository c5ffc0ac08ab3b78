/**
 * BU-26: what a pause interrupted goes on when the pause ends, without waiting for the sweep's period. It runs after the
 * resume was committed and answered; should the process die before, the periodic sweep finds the same issues.
 */
import type { StrandedScope } from "@wakefleet/store";
import type { ControlChannel } from "../ports.js";
import type { RecoverySweepDeps } from "../recovery/recovery-deps.js";
import { reconcileStrandedWorkOf } from "./reconcile-stranded-work.js";

export interface ResumedWork {
  /** Looks at the scope's issues in the background; never throws. */
  takeUp(scope: StrandedScope): void;
  /** Resolves when what was begun is over. */
  idle(): Promise<void>;
}

/** What is not looked at by then is left to the periodic sweep, so that nothing holds up a process that stops. */
const LONGEST_MS = 20_000;

export function createResumedWork(
  deps: RecoverySweepDeps & { readonly control: Pick<ControlChannel, "publishResumed"> },
): ResumedWork {
  const underWay = new Set<Promise<void>>();
  // One after the other: a company that resumes must not take every connection from its callers.
  let last: Promise<void> = Promise.resolve();

  /** BY-13: before there is anything to start. */
  async function tellWorkers(): Promise<void> {
    try {
      await deps.control.publishResumed();
    } catch (error) {
      deps.log.warn({ event: "resume.not_paced", err: error }, "workers were not told to start resumed work at a pace");
    }
  }

  return {
    takeUp(scope) {
      last = last.then(async () => {
        await tellWorkers();
        try {
          await reconcileStrandedWorkOf(deps, scope, AbortSignal.timeout(LONGEST_MS));
        } catch (error) {
          deps.log.warn({ event: "resume.not_swept", ...scope, err: error }, "the periodic sweep takes the work up");
        }
      });
      const begun = last;
      underWay.add(begun);
      void begun.finally(() => underWay.delete(begun));
    },
    async idle() {
      await Promise.all(underWay);
    },
  };
}
