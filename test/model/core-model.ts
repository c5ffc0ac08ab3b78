/**
 * The core as a small state machine: outbox, queue, epoch, claim, lease, fence, execution, finish, recovery. Two runs of an
 * agent that may execute one at a time, two workers of one host. At any moment one process may crash, one worker may stand
 * still for longer than its lease, and Redis may lose everything.
 *
 * The decisions are the product's own (`gateClaim`, `judgeOrphan`); the steps between them are as small as what one
 * process does without another being able to come between: one statement, one transaction, one command to Redis.
 */
import { gateClaim, judgeOrphan } from "@wakefleet/domain";
import type { Model, Step } from "./explore.js";

/** Parts of the design that a test leaves out, to see that the model notices. */
export interface Omissions {
  /** Ends do not name the claim token (CL-17). */
  readonly fence?: boolean;
  /** Nobody notices that Redis lost its data (RL-21). */
  readonly epoch?: boolean;
  /** Nobody looks for rows whose job was never confirmed (RL-20). */
  readonly relay?: boolean;
  /** A rebuild puts back only what is not marked as dispatched, not everything that waits. */
  readonly wholeRebuild?: boolean;
  /** Claims do not ask for a free slot, and the queue does not count (CL-18, QU-1). */
  readonly limit?: boolean;
  /** Jobs whose holder is gone stay where they are. */
  readonly orphanSearch?: boolean;
  /** Runs whose lease is over are left alone (PL-1). */
  readonly recovery?: boolean;
  /** An agent is started without asking whether the claim still holds. */
  readonly startCheck?: boolean;
  /** What that question was answered holds for ever. */
  readonly startDeadline?: boolean;
  /** A child that was started and not yet recorded outlives its worker. */
  readonly unrecordedEnds?: boolean;
  /** Of a child that is not yet recorded its host knows nothing. */
  readonly hostKnows?: boolean;
}

type Status = "none" | "queued" | "running" | "succeeded" | "failed";
/** Where a run's job is: absent, waiting, or held by worker 0 or 1. */
type Job = "absent" | "waiting" | 0 | 1;

interface Run {
  status: Status;
  token: number;
  holder: 0 | 1 | null;
  leaseOver: boolean;
  dispatched: boolean;
  job: Job;
  /** Its process: not yet started, alive, or gone. */
  child: "none" | "alive" | "gone";
  /** The process id stands in the database. */
  isChildStored: boolean;
  executions: number;
  losses: number;
  retries: number;
}

interface Hand {
  run: number;
  token: number;
  /** `start`: the process that starts children was told to, and does so whatever becomes of its worker meanwhile. */
  next: "claim" | "ask" | "start" | "store" | "wait" | "tell";
  /** So much time has passed since the claim was last known to hold that nothing may be started by it. */
  isLate: boolean;
}

interface Worker {
  state: "up" | "paused" | "down";
  /** The run it has in hand and what comes next for it; null when it has none. */
  hand: Hand | null;
  /** Runs it took over: their children are watched. */
  adopted: number[];
}

/** A process that adds a job and then marks its row: an API after its commit, or a relay. */
interface Dispatcher {
  run: number;
  next: "add" | "mark";
}

export interface CoreState {
  runs: Run[];
  workers: [Worker, Worker];
  dispatchers: Dispatcher[];
  /** A rebuild under way has yet to add the jobs. */
  rebuild: "none" | "begun";
  epochKnown: boolean;
  posts: number;
  crashes: number;
  pauses: number;
  redisLosses: number;
}

const LIMIT = 1;
const POSTS = 2;
const WORKERS = [0, 1] as const;

const NEW_RUN: Run = {
  status: "queued",
  token: 0,
  holder: null,
  leaseOver: false,
  dispatched: false,
  job: "absent",
  child: "none",
  isChildStored: false,
  executions: 0,
  losses: 0,
  retries: 0,
};

/** How much may go wrong. */
export interface Mishaps {
  readonly crashes: number;
  readonly pauses: number;
  readonly redisLosses: number;
}

export function coreModel(mishaps: Mishaps, without: Omissions = {}): Model<CoreState> {
  const idle = (): Worker => ({ state: "up", hand: null, adopted: [] });
  return {
    initial: {
      runs: [],
      workers: [idle(), idle()],
      dispatchers: [],
      rebuild: "none",
      epochKnown: true,
      posts: POSTS,
      ...mishaps,
    },
    *steps(state) {
      yield* dispatchSteps(state, without);
      yield* redisSteps(state, without);
      for (const w of WORKERS) yield* workerSteps(state, w, without);
      yield* mishapSteps(state, without);
    },
    broken: brokenLaw,
    isAtRest,
    keyOf,
  };
}

/**
 * What of a state decides about everything that may come after it. Which of the two workers and which of the runs it is
 * does not: states that differ by nothing else have one key, and one of them is enough. Nor do a token but by who holds it
 * now, or what was noted about a run that is over.
 */
function keyOf(state: CoreState): string {
  const { runs, workers, rebuild, epochKnown, posts, crashes, pauses, redisLosses } = state;
  const head = `${rebuild[0]}${+epochKnown}${posts}${crashes}${pauses}${redisLosses}`;
  const keys = ORDERS.map(([first, second]) => {
    const parts = runs.map((_, run) => keyOfRun(state, run, [first, second])).sort();
    return `${head}${workers[first].state[0]}${workers[second].state[0]}|${parts.join("|")}`;
  });
  return keys.sort().join();
}

type Order = readonly [0 | 1, 0 | 1];
const ORDERS: readonly Order[] = [
  [0, 1],
  [1, 0],
];

function keyOfRun(state: CoreState, run: number, order: Order): string {
  const row = runOf(state, run);
  let key = `${row.status[0]}${row.child[0]}${row.executions}${row.retries}${nameIn(order, row.job)}`;
  if (row.status === "queued") key += `${+row.dispatched}${row.losses}`;
  if (row.status === "running")
    key += `${nameIn(order, row.holder)}${+row.leaseOver}${+row.isChildStored}${row.losses}`;
  for (const w of order) {
    const { hand, adopted } = state.workers[w];
    if (hand?.run === run)
      key += `/${hand.next}${+holdsRun(row, w, hand.token)}${+(hand.next === "start" && hand.isLate)}`;
    else key += adopted.includes(run) ? "/+" : "/";
    if (hand?.run === run && adopted.includes(run)) key += "+";
  }
  const dispatched = state.dispatchers.filter((one) => one.run === run).map(({ next }) => next[0]);
  return key + dispatched.sort().join("");
}

/** The first or second worker of an order; else what stands there. */
function nameIn(order: Order, who: Job | null): string {
  return typeof who === "number" ? String(order.indexOf(who)) : (who?.[0] ?? "-");
}

const holdsRun = (row: Run, w: 0 | 1, token: number): boolean =>
  row.status === "running" && row.holder === w && row.token === token;

/** The state after `change` was made to a copy. */
function after(state: CoreState, name: string, change: (next: CoreState) => void): Step<CoreState> {
  const next: CoreState = {
    ...state,
    runs: state.runs.map((run) => ({ ...run })),
    workers: [copyOf(state.workers[0]), copyOf(state.workers[1])],
    dispatchers: state.dispatchers.map((one) => ({ ...one })),
  };
  change(next);
  return { name, next };
}

function copyOf({ state, hand, adopted }: Worker): Worker {
  return { state, hand: hand === null ? null : { ...hand }, adopted: [...adopted] };
}

function runOf(state: CoreState, run: number): Run {
  const found = state.runs[run];
  if (found === undefined) throw new Error(`there is no run ${run}`);
  return found;
}

const isWaiting = (run: Run): boolean => run.status === "queued";
const isOver = (run: Run): boolean => run.status === "succeeded" || run.status === "failed";

/** Accepting, and the way from the outbox to the queue (RL-20). */
function* dispatchSteps(state: CoreState, without: Omissions): Iterable<Step<CoreState>> {
  if (state.posts > 0) {
    yield after(state, "a wake is accepted", (next) => {
      next.posts -= 1;
      next.dispatchers.push({ run: next.runs.push({ ...NEW_RUN }) - 1, next: "add" });
    });
  }
  for (const [index, { run, next: todo }] of state.dispatchers.entries()) {
    if (todo === "add") {
      yield after(state, `run ${run} is added to the queue`, (next) => {
        addJob(runOf(next, run));
        next.dispatchers[index] = { run, next: "mark" };
      });
    } else {
      yield after(state, `run ${run} is marked dispatched`, (next) => {
        if (isWaiting(runOf(next, run))) runOf(next, run).dispatched = true;
        next.dispatchers.splice(index, 1);
      });
    }
  }
  if (without.relay === true) return;
  for (const [run, row] of state.runs.entries()) {
    const isInHand = state.dispatchers.some((one) => one.run === run);
    if (!isWaiting(row) || row.dispatched || isInHand) continue;
    yield after(state, `the relay takes run ${run}`, (next) => next.dispatchers.push({ run, next: "add" }));
  }
}

/** Adding a job whose id is there is harmless (QU-2). */
function addJob(run: Run): void {
  if (run.job === "absent") run.job = "waiting";
}

/** The epoch (RL-21). */
function* redisSteps(state: CoreState, without: Omissions): Iterable<Step<CoreState>> {
  if (state.epochKnown || without.epoch === true) return;
  if (state.rebuild === "none") {
    yield after(state, "the loss is noticed, a rebuild begins", (next) => {
      next.rebuild = "begun";
    });
    return;
  }
  yield after(state, "the queues are rebuilt, the epoch is written", (next) => {
    next.rebuild = "none";
    next.epochKnown = true;
    for (const run of next.runs) {
      if (!isWaiting(run) || (without.wholeRebuild === true && run.dispatched)) continue;
      addJob(run);
      run.dispatched = true;
    }
  });
}

function* workerSteps(state: CoreState, w: 0 | 1, without: Omissions): Iterable<Step<CoreState>> {
  const worker = state.workers[w];
  if (worker.state === "paused") {
    yield after(state, `W${w} goes on`, (next) => {
      next.workers[w].state = "up";
    });
  }
  if (worker.hand?.next === "start") yield keeperStep(state, w, worker.hand, without);
  if (worker.state !== "up") return;
  if (worker.hand === null) yield* fetchSteps(state, w, without);
  else yield* handSteps(state, w, worker.hand, without);
  yield* watchSteps(state, w);
  if (without.recovery !== true) yield* recoverySteps(state, w, without);
  if (without.orphanSearch !== true) yield* searchSteps(state, w);
}

function* fetchSteps(state: CoreState, w: 0 | 1, without: Omissions): Iterable<Step<CoreState>> {
  const active = state.runs.filter(({ job }) => job === 0 || job === 1).length;
  if (active >= LIMIT && without.limit !== true) return;
  for (const [run, row] of state.runs.entries()) {
    if (row.job !== "waiting") continue;
    yield after(state, `W${w} fetches run ${run}`, (next) => {
      runOf(next, run).job = w;
      next.workers[w].hand = { run, token: 0, next: "claim", isLate: false };
    });
  }
}

/** One run in a worker's hand: claim, spawn, store, wait for its end, tell the queue. */
function* handSteps(state: CoreState, w: 0 | 1, hand: Hand, without: Omissions): Iterable<Step<CoreState>> {
  const { run, token } = hand;
  const row = runOf(state, run);
  const holds = holdsRun(row, w, token);
  const go = (next: CoreState, todo: Hand["next"]): void => {
    next.workers[w].hand = { run, token: next.workers[w].hand?.token ?? token, next: todo, isLate: false };
  };
  switch (hand.next) {
    case "claim":
      yield claim(state, w, run, without);
      return;
    case "ask":
      // One fenced statement that begins the lease anew; what it answered holds until a deadline within that lease.
      yield after(state, holds ? `W${w} may start run ${run}` : `W${w} may not start run ${run}`, (next) => {
        if (!holds && without.startCheck !== true) return go(next, "tell");
        if (holds) runOf(next, run).leaseOver = false;
        go(next, "start");
      });
      return;
    case "start":
      // Not this worker's step but its keeper's.
      return;
    case "store":
      yield after(
        state,
        holds ? `W${w} records the child of run ${run}` : `W${w} stops the child of run ${run}`,
        (next) => {
          if (holds) runOf(next, run).isChildStored = true;
          else runOf(next, run).child = "gone";
          go(next, holds ? "wait" : "tell");
        },
      );
      return;
    case "wait": {
      if (!holds && without.fence !== true) {
        yield after(state, `W${w} finds run ${run} taken and stops its child`, (next) => {
          runOf(next, run).child = "gone";
          go(next, "tell");
        });
      }
      if (row.child === "gone") {
        const mayEnd = without.fence === true ? row.status !== "none" : holds;
        yield after(state, `W${w} ends run ${run}`, (next) => {
          if (mayEnd) end(runOf(next, run), "succeeded");
          go(next, "tell");
        });
      }
      return;
    }
    case "tell":
      yield after(state, `W${w} tells the queue of run ${run}`, (next) => {
        if (runOf(next, run).job === w) runOf(next, run).job = "absent";
        next.workers[w].hand = null;
      });
  }
}

/**
 * The process that starts a worker's children looks at the clock and starts the child; its worker may stand still
 * meanwhile. Too late is told to the worker, which asks again.
 */
function keeperStep(state: CoreState, w: 0 | 1, { run, isLate }: Hand, without: Omissions): Step<CoreState> {
  if (isLate && without.startDeadline !== true) {
    return after(state, `the keeper of W${w} is too late for run ${run}`, (next) => {
      handOf(next, w).next = "ask";
    });
  }
  return after(state, `the keeper of W${w} starts run ${run}`, (next) => {
    const started = runOf(next, run);
    Object.assign(started, { child: "alive", executions: started.executions + 1 });
    handOf(next, w).next = "store";
  });
}

function handOf(state: CoreState, w: 0 | 1): Hand {
  const { hand } = state.workers[w];
  if (hand === null) throw new Error(`W${w} has nothing in hand`);
  return hand;
}

function claim(state: CoreState, w: 0 | 1, run: number, without: Omissions): Step<CoreState> {
  const row = runOf(state, run);
  const running = state.runs.filter(({ status }) => status === "running").length;
  const decision = gateClaim({
    run: {
      status: row.status === "none" ? "queued" : row.status,
      scheduledRetryAtMs: null,
      context: {},
      issueId: null,
      isInteraction: false,
      retry: {},
    },
    agent: { id: "agent", status: "idle", maxConcurrentRuns: without.limit === true ? 10 : LIMIT },
    budget: null,
    takenSlots: Array.from({ length: running }, (_, index) => index + 1),
    issue: null,
    nowMs: 0,
  });
  return after(state, `W${w} claims run ${run}: ${decision.kind}`, (next) => {
    if (decision.kind === "claim") {
      const claimed = runOf(next, run);
      Object.assign(claimed, {
        status: "running",
        token: row.token + 1,
        holder: w,
        leaseOver: false,
        dispatched: true,
      });
      next.workers[w].hand = { run, token: claimed.token, next: "ask", isLate: false };
    } else if (decision.kind === "full") {
      if (row.job === w) runOf(next, run).job = "waiting";
      next.workers[w].hand = null;
    } else next.workers[w].hand = { run, token: 0, next: "tell", isLate: false };
  });
}

function end(run: Run, status: "succeeded" | "failed"): void {
  // A terminal run is never changed again: `brokenLaw` counts what was ended twice.
  if (isOver(run)) run.executions += 100;
  run.status = status;
  run.holder = null;
  run.leaseOver = false;
}

/** Children that end by themselves, and those a worker watches in another's stead (PL-2). */
function* watchSteps(state: CoreState, w: 0 | 1): Iterable<Step<CoreState>> {
  for (const run of state.workers[w].adopted) {
    const row = runOf(state, run);
    const holds = row.status === "running" && row.holder === w;
    if (holds && row.child === "alive") continue;
    yield after(state, `W${w} sees that the child of run ${run} is gone`, (next) => {
      next.workers[w].adopted = next.workers[w].adopted.filter((one) => one !== run);
      if (holds) lose(next, run);
    });
  }
}

function lose(next: CoreState, run: number): void {
  const row = runOf(next, run);
  const retry = row.isChildStored && row.losses === 0;
  end(row, "failed");
  row.token += 1;
  if (!retry) return;
  row.retries += 1;
  next.dispatchers.push({ run: next.runs.push({ ...NEW_RUN, losses: row.losses + 1 }) - 1, next: "add" });
}

/** A running run whose lease is over, judged by the product's own rule (PL-1 to PL-4). */
function* recoverySteps(state: CoreState, w: 0 | 1, without: Omissions): Iterable<Step<CoreState>> {
  for (const [run, row] of state.runs.entries()) {
    if (row.status !== "running" || !row.leaseOver) continue;
    const verdict = judgeOrphan({
      keepsLocalChild: true,
      pid: row.isChildStored ? 1 : null,
      processGroupId: row.isChildStored ? 1 : null,
      child: row.isChildStored && row.child === "alive" ? "alive" : "dead",
      spool: row.child === "alive" && without.hostKnows !== true ? "kept" : "none",
      sameHostAndBoot: true,
      adoptGraceOver: false,
      processLossRetryCount: row.losses,
      cancelRequested: false,
    });
    yield after(state, `W${w} judges run ${run}: ${verdict.kind}`, (next) => {
      if (verdict.kind === "adopt") {
        Object.assign(runOf(next, run), { token: row.token + 1, holder: w, leaseOver: false });
        next.workers[w].adopted.push(run);
      } else if (verdict.kind === "lost") lose(next, run);
    });
  }
}

/** Jobs whose holder is gone, and those of runs that ended: the database decides what becomes of them. */
function* searchSteps(state: CoreState, w: 0 | 1): Iterable<Step<CoreState>> {
  for (const [run, row] of state.runs.entries()) {
    if (row.job !== 0 && row.job !== 1) continue;
    const holder = state.workers[row.job];
    const isHeld = holder.state !== "down" && holder.hand?.run === run;
    // Who ends a run in another's stead takes the job from it, too.
    if ((isHeld && !isOver(row)) || row.status === "running") continue;
    yield after(state, `W${w} takes the job of run ${run} away`, (next) => {
      runOf(next, run).job = isWaiting(row) ? "waiting" : "absent";
    });
  }
}

/** What nobody asked for. */
function* mishapSteps(state: CoreState, without: Omissions): Iterable<Step<CoreState>> {
  for (const [run, row] of state.runs.entries()) {
    if (row.child === "alive") {
      yield after(state, `the child of run ${run} ends`, (next) => {
        runOf(next, run).child = "gone";
      });
    }
    const holder = row.holder === null ? null : state.workers[row.holder];
    if (row.status === "running" && !row.leaseOver && holder !== null && holder.state !== "up") {
      yield after(state, `the lease of run ${run} is over`, (next) => {
        runOf(next, run).leaseOver = true;
        // The deadline for a start lies within the lease.
        if (row.holder !== null && holder.hand?.run === run) handOf(next, row.holder).isLate = true;
      });
    }
  }
  for (const w of WORKERS) {
    const { state: condition, hand } = state.workers[w];
    if (condition === "paused" && hand?.next === "start" && !hand.isLate) {
      yield after(state, `it is late for the start of run ${hand.run}`, (next) => {
        handOf(next, w).isLate = true;
      });
    }
    if (condition !== "up") continue;
    // The last worker standing is started again by whoever runs it; here the other one is enough.
    if (state.crashes > 0) {
      yield after(state, `W${w} crashes`, (next) => {
        next.crashes -= 1;
        // Whoever keeps the children ends what its worker had not recorded.
        if (hand?.next === "store" && without.unrecordedEnds !== true) runOf(next, hand.run).child = "gone";
        next.workers[w] = { state: "down", hand: null, adopted: [] };
      });
    }
    if (state.pauses > 0) {
      yield after(state, `W${w} stands still`, (next) => {
        next.pauses -= 1;
        next.workers[w].state = "paused";
      });
    }
  }
  for (const [index, { run }] of state.dispatchers.entries()) {
    if (state.crashes === 0) break;
    yield after(state, `whoever dispatches run ${run} crashes`, (next) => {
      next.crashes -= 1;
      next.dispatchers.splice(index, 1);
    });
  }
  if (state.redisLosses > 0) {
    yield after(state, "Redis loses everything", (next) => {
      next.redisLosses -= 1;
      next.epochKnown = false;
      // A rebuild that was under way is found out by its mark and begins anew.
      next.rebuild = "none";
      for (const run of next.runs) run.job = "absent";
    });
  }
}

function brokenLaw({ runs }: CoreState): string | null {
  const running = runs.filter(({ status }) => status === "running").length;
  if (running > LIMIT) return `RL-2: ${running} runs are running`;
  const executing = runs.filter(({ child }) => child === "alive").length;
  if (executing > LIMIT) return `RL-2: ${executing} agents execute at once`;
  for (const [index, run] of runs.entries()) {
    if (run.executions >= 100) return `RL-4: run ${index} was ended twice`;
    if (run.executions > 1) return `RL-4: run ${index} was executed ${run.executions} times`;
    if (run.retries > 1) return `RL-4: run ${index} was retried ${run.retries} times`;
    if (run.status === "succeeded" && run.executions !== 1) return `RL-4: run ${index} succeeded without an execution`;
  }
  return null;
}

function isAtRest({ runs, workers, dispatchers, posts }: CoreState): boolean {
  return (
    posts === 0 &&
    dispatchers.length === 0 &&
    runs.every((run) => isOver(run) && run.job === "absent" && run.child !== "alive") &&
    workers.every(({ hand, adopted, state }) => state === "down" || (hand === null && adopted.length === 0))
  );
}
