/** What a worker and the keeper of its children say to each other. One channel, requests and answers by number. */
import type { ChildSpec } from "../child/child-host.js";

export type KeeperRequest =
  /** Start a child whose spool lies in `folder`, which exists. */
  | {
      readonly type: "start";
      readonly id: number;
      readonly folder: string;
      readonly spec: Pick<ChildSpec, "executable" | "args" | "cwd" | "env" | "memo" | "startBefore"> & {
        readonly hasStdin: boolean;
      };
    }
  /** The start of the child is recorded: write its stdin, then close it. */
  | { readonly type: "begin"; readonly id: number; readonly stdin: string };

export type KeeperAnswer =
  | {
      readonly type: "started";
      readonly id: number;
      readonly pid: number;
      readonly processGroupId: number | null;
      /** ISO 8601. */
      readonly startedAt: string;
    }
  /** The child could not be started; `code` as the system says it. */
  | { readonly type: "failed"; readonly id: number; readonly code: string | null; readonly message: string }
  /** Its `startBefore` was over: it was not started. */
  | { readonly type: "tooLate"; readonly id: number }
  | { readonly type: "stdinFailed"; readonly id: number; readonly message: string };
