/**
 * The rows of PostgreSQL as the rest of the house sees them: camelCase names that are also the HTTP names (DM-2),
 * 64-bit counters as numbers (DM-6), instants as `Date`.
 */
import type {
  AgentStatus,
  CancelKind,
  InvocationSource,
  IssuePriority,
  IssueStatus,
  JsonObject,
  JsonValue,
  Receipt,
  RunStatus,
  TriggerDetail,
  WakeupStatus,
} from "@wakefleet/contracts";

/** What all processes of a run use together (BY-10). */
export interface RunTreeFigures {
  readonly processes: number;
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly openFiles: number;
}

/** `heartbeat_runs.process_tree`: at the last look, and at most so far. */
export interface RunTreeRow {
  readonly live: RunTreeFigures;
  readonly peak: RunTreeFigures;
}

/** `heartbeat_runs` (DM-30). */
export interface RunRow {
  id: string;
  companyId: string;
  agentId: string;
  invocationSource: InvocationSource;
  triggerDetail: TriggerDetail | null;
  status: RunStatus;
  wakeupRequestId: string | null;
  contextSnapshot: JsonObject | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  error: string | null;
  errorCode: string | null;
  exitCode: number | null;
  signal: string | null;
  usageJson: JsonObject | null;
  resultJson: JsonObject | null;
  sessionIdBefore: string | null;
  sessionIdAfter: string | null;
  /** The whole session id the run left (SE-17); `sessionIdAfter` is cut for display. */
  resumableSessionId: string | null;
  /** SE-63. */
  sessionResetAt: Date | null;
  logStore: string | null;
  logRef: string | null;
  logBytes: number | null;
  logSha256: string | null;
  logCompressed: boolean;
  stdoutExcerpt: string | null;
  stderrExcerpt: string | null;
  externalRunId: string | null;
  processPid: number | null;
  processGroupId: number | null;
  processStartedAt: Date | null;
  /** What its processes use and used at most (BY-10); null while nothing is known. */
  processTree: RunTreeRow | null;
  /** What it told while it ran that it has cost, cents (BY-6); what it did cost is booked with its end. */
  costSoFarCents: number | null;
  /** The account it spends on, as it was at its claim (BY-5). */
  providerAccountId: string | null;
  lastOutputAt: Date | null;
  lastOutputSeq: number;
  lastOutputStream: string | null;
  lastOutputBytes: number | null;
  retryOfRunId: string | null;
  processLossRetryCount: number;
  scheduledRetryAt: Date | null;
  scheduledRetryAttempt: number;
  scheduledRetryReason: string | null;
  issueCommentStatus: string;
  issueCommentSatisfiedByCommentId: string | null;
  issueCommentRetryQueuedAt: Date | null;
  livenessState: string | null;
  livenessReason: string | null;
  continuationAttempt: number;
  lastUsefulActionAt: Date | null;
  nextAction: string | null;
  workerId: string | null;
  claimToken: number;
  startToken: number | null;
  leaseExpiresAt: Date | null;
  dispatchedAt: Date | null;
  cancelRequestedAt: Date | null;
  cancelReason: string | null;
  cancelKind: CancelKind | null;
  cancelRecover: boolean | null;
  issueId: string | null;
  taskKey: string | null;
  lockIssueId: string | null;
  runSlot: number | null;
  eventSeq: number;
  finalizedAt: Date | null;
  endState: JsonValue;
  traceId: string | null;
  /** BY-1, oldest first. */
  receipts: readonly Receipt[];
  createdAt: Date;
  updatedAt: Date;
}

/** `agents` (DM-21). */
export interface AgentRow {
  id: string;
  companyId: string;
  name: string;
  role: string;
  title: string | null;
  icon: string | null;
  capabilities: string | null;
  status: AgentStatus;
  reportsTo: string | null;
  adapterType: string;
  adapterConfig: JsonObject;
  runtimeConfig: JsonObject;
  defaultEnvironmentId: string | null;
  budgetMonthlyCents: number;
  spentMonthlyCents: number;
  pauseReason: string | null;
  pausedAt: Date | null;
  permissions: JsonObject;
  lastHeartbeatAt: Date | null;
  metadata: JsonObject | null;
  maxConcurrentRuns: number;
  nextTimerAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** `agent_wakeup_requests` (DM-24). */
export interface WakeupRow {
  id: string;
  companyId: string;
  agentId: string;
  source: InvocationSource;
  triggerDetail: TriggerDetail | null;
  reason: string | null;
  payload: JsonObject | null;
  status: WakeupStatus;
  coalescedCount: number;
  requestedByActorType: string | null;
  requestedByActorId: string | null;
  idempotencyKey: string | null;
  runId: string | null;
  requestedAt: Date;
  claimedAt: Date | null;
  finishedAt: Date | null;
  error: string | null;
  issueId: string | null;
  idempotencyFingerprint: string | null;
  responseStatus: number | null;
  responseJson: JsonObject | null;
  /** BY-1, oldest first. */
  receipts: readonly Receipt[];
  createdAt: Date;
  updatedAt: Date;
}

/** `issues` (DM-50). */
export interface IssueRow {
  id: string;
  companyId: string;
  projectId: string | null;
  projectWorkspaceId: string | null;
  goalId: string | null;
  parentId: string | null;
  title: string;
  description: string | null;
  status: IssueStatus;
  priority: IssuePriority;
  assigneeAgentId: string | null;
  assigneeUserId: string | null;
  checkoutRunId: string | null;
  executionRunId: string | null;
  executionAgentNameKey: string | null;
  executionLockedAt: Date | null;
  createdByAgentId: string | null;
  createdByUserId: string | null;
  issueNumber: number | null;
  identifier: string | null;
  originKind: string;
  originId: string | null;
  originRunId: string | null;
  originFingerprint: string;
  requestDepth: number;
  billingCode: string | null;
  assigneeAdapterOverrides: JsonObject | null;
  executionPolicy: JsonObject | null;
  executionState: JsonObject | null;
  executionWorkspaceId: string | null;
  executionWorkspacePreference: string | null;
  executionWorkspaceSettings: JsonObject | null;
  startedAt: Date | null;
  completedAt: Date | null;
  cancelledAt: Date | null;
  hiddenAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** `heartbeat_run_events` (DM-40). */
export interface RunEventRow {
  id: number;
  companyId: string;
  runId: string;
  agentId: string;
  seq: number;
  eventType: string;
  stream: string | null;
  level: string | null;
  color: string | null;
  message: string | null;
  payload: JsonValue;
  createdAt: Date;
}

const camelNames = new Map<string, string>();

function camelName(column: string): string {
  let name = camelNames.get(column);
  if (name === undefined) {
    name = column.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    camelNames.set(column, name);
  }
  return name;
}

/**
 * Turns a row with snake_case columns into one with camelCase names (DM-2). The caller names the row type it selected
 * `*` of; a partial select gives a partial type.
 */
export function camelRow<Row>(row: object): Row {
  const out: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) out[camelName(column)] = value;
  return out as Row;
}
