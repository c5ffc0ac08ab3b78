/**
 * One torture from start to end: a fleet is built, loaded and tormented for a set time, left in peace until it rests, and
 * judged by what its agents, its callers and its database say.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { checkInvariants } from "@wakefleet/testkit";
import { judge, type Verdict } from "./checker.js";
import { type Evidence, readRows } from "./evidence.js";
import { type InjectedFault, Torment } from "./faults.js";
import { Load } from "./load.js";
import type { Plan } from "./schedule.js";
import { askForPeace, findLeaks, untilAtRest } from "./settling.js";
import { openWorld, type World } from "./world.js";

export interface TortureOptions extends Plan {
  readonly onProgress: (line: string) => void;
  /** Ends the faults and the load early; what happened until then is judged. */
  readonly signal?: AbortSignal;
}

export interface TortureResult {
  readonly plan: Plan;
  readonly verdicts: readonly Verdict[];
  readonly faults: readonly InjectedFault[];
  readonly executions: number;
  /** False where no small disk could be mounted: `disk-full` was left out. */
  readonly diskWasFilled: boolean;
  /** How long the whole took, milliseconds. */
  readonly tookMs: number;
  /** Where logs, witness and evidence were left; null when nothing was broken. */
  readonly kept: string | null;
}

const PROGRESS_EVERY_MS = 10_000;
const INVARIANTS_EVERY_MS = 3_000;
/** An end whose later steps are owed is taken up by a sweep (FI-14). */
const OWED_WITHIN_MS = 60_000;

/** Rejects when the fleet could not be built or did not answer in peace; what is broken is in the verdicts. */
export async function torture(options: TortureOptions): Promise<TortureResult> {
  const startedAt = performance.now();
  options.onProgress("starting stores, two APIs and three workers");
  const world = await openWorld();
  try {
    const evidence = await torment(world, options);
    const verdicts = judge(evidence);
    const isBroken = verdicts.some(({ violations }) => violations.length > 0);
    return {
      plan: { seed: options.seed, minutes: options.minutes, kinds: options.kinds },
      verdicts,
      faults: evidence.faults,
      executions: evidence.lines.filter((line) => line.kind === "start").length,
      diskWasFilled: world.disk !== null,
      tookMs: performance.now() - startedAt,
      kept: isBroken ? keep(world, evidence) : null,
    };
  } finally {
    await world.stop();
  }
}

async function torment(world: World, options: TortureOptions): Promise<Evidence> {
  const { onProgress } = options;
  const torment = new Torment(world, ({ kind, detail }) => onProgress(`${kind}${detail === "" ? "" : `: ${detail}`}`));
  const load = new Load(world, options.seed);
  const watch = watchInvariants(world);
  const timer = setInterval(() => {
    onProgress(`${load.accepted.length} wakes accepted, ${torment.injected.length} faults`);
  }, PROGRESS_EVERY_MS);
  const loading = load.run();
  options.signal?.addEventListener("abort", () => torment.stop(), { once: true });
  await Promise.all([torment.run(options), untilOver(options)]);
  onProgress("the faults are over; everything is put right");
  await torment.calm();
  load.stop();
  await loading;
  clearInterval(timer);
  await askForPeace(world);
  const leftovers = await untilAtRest(world, onProgress);
  const [rows, leaks] = [await readRows(world), await findLeaks(world)];
  return {
    ...rows,
    lines: world.witness.lines(),
    accepted: load.accepted,
    refusedKeys: load.refusedKeys,
    counts: load.counts,
    wrongFailures: load.wrongFailures,
    unavailable: load.unavailable,
    unanswered: load.unanswered,
    wrongProbes: load.wrongProbes,
    faults: torment.injected,
    invariants: await watch.stop(),
    leftovers,
    leaks,
    crashes: world.crashes,
  };
}

/** The load goes on for the whole time, also when the last fault comes early. */
async function untilOver({ minutes, signal }: TortureOptions): Promise<void> {
  await delay(minutes * 60_000, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted !== true) throw error;
  });
}

/** Looks at the invariants of the database again and again, whatever else goes on (DM-90 to DM-97). */
function watchInvariants(world: World): { stop(): Promise<Evidence["invariants"]> } {
  const found = new Map<string, Evidence["invariants"]["broken"][number]>();
  const abort = new AbortController();
  let looks = 0;
  const loop = (async () => {
    while (!abort.signal.aborted) {
      try {
        const options = { limitsStand: false, finalizedWithinMs: OWED_WITHIN_MS };
        for (const broken of await checkInvariants(world.fleet.db.sql, options)) {
          const key = `${broken.rule} ${broken.what}`;
          if (!found.has(key)) found.set(key, { ...broken, atMs: Date.now() });
        }
        looks += 1;
      } catch {
        // PostgreSQL is away: nothing can be looked at.
      }
      await delay(INVARIANTS_EVERY_MS, undefined, { signal: abort.signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      abort.abort();
      await loop;
      return { looks, broken: [...found.values()] };
    },
  };
}

/** Leaves everything for whoever looks into it; answers the folder. */
function keep(world: World, evidence: Evidence): string {
  process.env["E2E_KEEP_LOGS"] = "1";
  const folder = world.fleet.scratch;
  const { runs, requests, ...rest } = evidence;
  writeFileSync(
    join(folder, "evidence.json"),
    JSON.stringify({ ...rest, runs: [...runs.values()], requests: [...requests.values()] }, null, 1),
  );
  return folder;
}
