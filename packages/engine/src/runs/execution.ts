/** One run under way in this worker: what executing it needs, and the ways it can end (EX-12, EX-13, PL-5). */
import type { AdapterRegistry, ExecutionTarget, Spool } from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import type { GitProtocol, HandedSession } from "@wakefleet/domain";
import type { RunLogStore } from "@wakefleet/run-logs";
import type { Database, RunStart } from "@wakefleet/store";
import type { InstanceLocation } from "@wakefleet/workspaces";
import type { NewId } from "../ids.js";
import type { FaultPoints, LiveEventPublisher, Log } from "../ports.js";
import type { MintRunToken } from "../run-token.js";
import type { SecretsAccess } from "../secrets/secrets-access.js";
import type { ClaimedRun } from "./claim-run.js";
import type { RunEnding } from "./end-run.js";
import type { HeldRun } from "./held-runs.js";
import type { RunSecrets } from "./run-secrets.js";

export interface ExecuteDeps {
  readonly db: Database;
  readonly leaseMs: number;
  readonly adapters: AdapterRegistry;
  readonly runLogs: RunLogStore;
  /** LG-8. */
  readonly runLogMaxBytes: number;
  readonly events: LiveEventPublisher;
  readonly faults: FaultPoints;
  readonly log: Log;
  readonly newId: NewId;
  /** Where children are started so that they outlive this worker (BY-9); null: they end with it. */
  readonly spool: Spool | null;
  /** The worker's own environment, which children inherit from (AD-52), and the home its folders lie in (WS-1). */
  readonly location: InstanceLocation;
  /** How repositories of projects may be cloned (WS-28). */
  readonly gitProtocols: readonly GitProtocol[];
  /** Opens the secrets that agents and projects refer to (SC-5). */
  readonly secrets: SecretsAccess;
  /** Masks the name of this process's OS user in a text; used where the instance says so (IN-2). */
  readonly maskOsUser: (text: string) => string;
  /** AD-18; null where there is no secret to sign with. */
  readonly mintRunToken: MintRunToken | null;
}

/** One run under way. */
export interface Execution {
  readonly deps: ExecuteDeps;
  readonly claimed: ClaimedRun;
  readonly held: HeldRun;
  /** The run is taken over: its child was started by an earlier worker of this host (BY-9). */
  readonly resumes: boolean;
}

/** How the run is to end, or that it is not this worker's to end any more. */
export type ExecutionEnd =
  | { readonly kind: "end"; readonly ending: RunEnding }
  | { readonly kind: "lost" }
  /** Its child was ended with the worker that goes away, or lost (PL-5, PL-4): the run is handed over as lost. */
  | { readonly kind: "stopped"; readonly log: RunEnding["log"] }
  /** Its child goes on without this worker (BY-9). */
  | { readonly kind: "handed_over" };

/** What was made ready before the adapter (CX-1). */
export interface PreparedRun {
  /** The adapter's settings of this run: overrides merged, env resolved (CX-4). */
  readonly config: JsonObject;
  readonly secrets: RunSecrets;
  /** What the adapter is told to resume (SE-34). */
  readonly session: HandedSession;
  /** The whole context; what is stored of it may be less (CX-22). */
  readonly context: JsonObject;
  readonly start: RunStart;
  readonly executionTarget: ExecutionTarget;
  /** The log's first lines, without the prefix (EX-9). */
  readonly warnings: readonly string[];
}
