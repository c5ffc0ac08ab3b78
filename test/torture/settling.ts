/**
 * The end of a torture: the faults are over, the operators let everybody work, and the fleet has its time to come to rest
 * by itself. What is left then is told.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { agentQueueName, agentQueuePrefix } from "@wakefleet/queue";
import { checkInvariants } from "@wakefleet/testkit";
import { brokenAtRest } from "../support/at-rest.js";
import { FleetHttp } from "../support/fleet-http.js";
import type { World } from "./world.js";

/** Longest that a fleet at peace may need: the slowest repair is a job whose worker died, seen every ten seconds. */
const REST_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 500;
/** It is at rest when it was seen so for this long: sweeps may find more to do. */
const REST_FOR_MS = 3_000;

/** Agents resume, issues are done: nobody asks for more work. Repeated until it is answered. */
export async function askForPeace(world: World): Promise<void> {
  const { agents, owners, issueIds } = world;
  for (const agent of [...agents, ...owners]) {
    await untilAnswered(world, (http) => http.post(`/api/agents/${agent.id}/resume`));
  }
  for (const issueId of issueIds) {
    await untilAnswered(world, (http) => http.patch(`/api/issues/${issueId}`, { status: "done" }));
  }
}

async function untilAnswered(world: World, ask: (http: FleetHttp) => Promise<{ status: number }>): Promise<void> {
  const deadline = performance.now() + REST_WITHIN_MS;
  let last = "no API serves";
  for (let attempt = 0; performance.now() < deadline; attempt += 1) {
    const apis = world.apis();
    const api = apis[attempt % Math.max(1, apis.length)];
    try {
      if (api !== undefined) {
        const { status } = await ask(new FleetHttp(api.url, world.fleet.adminKey));
        if (status < 500) return;
        last = String(status);
      }
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`an operator's request was not answered within ${REST_WITHIN_MS} ms: ${last}`);
}

/** Waits for the fleet to come to rest; answers what is left behind. */
export async function untilAtRest(world: World, onProgress: (line: string) => void): Promise<string[]> {
  const deadline = performance.now() + REST_WITHIN_MS;
  let restingSince: number | null = null;
  for (let round = 0; ; round += 1) {
    const left = await leftBehind(world);
    if (left.length === 0) restingSince ??= performance.now();
    else restingSince = null;
    if (restingSince !== null && performance.now() - restingSince >= REST_FOR_MS) break;
    if (performance.now() >= deadline) return left;
    if (round % 10 === 0) onProgress(left.length === 0 ? "at rest" : `not yet at rest: ${left.slice(0, 3).join("; ")}`);
    await delay(LOOK_EVERY_MS);
  }
  const broken = await checkInvariants(world.fleet.db.sql, { limitsStand: false });
  return broken.map(({ rule, what }) => `${rule}: ${what}`);
}

async function leftBehind(world: World): Promise<string[]> {
  const rows = await brokenAtRest(world.fleet.db.sql);
  const queues = await jobsLeft(world);
  return [...Object.entries(rows).map(([what, found]) => `not so: ${what}: ${JSON.stringify(found)}`), ...queues];
}

/** Jobs that are not finished, by queue. */
async function jobsLeft({ fleet, agents, owners }: World): Promise<string[]> {
  const left: string[] = [];
  for (const { id, name } of [...agents, ...owners]) {
    const base = `${agentQueuePrefix(fleet.redisPrefix, id)}:${agentQueueName(id)}`;
    const counts = {
      active: await fleet.redis.llen(`${base}:active`),
      waiting: (await fleet.redis.llen(`${base}:wait`)) + (await fleet.redis.llen(`${base}:paused`)),
      prioritized: await fleet.redis.zcard(`${base}:prioritized`),
      delayed: await fleet.redis.zcard(`${base}:delayed`),
    };
    if (Object.values(counts).some((count) => count > 0)) left.push(`queue of ${name}: ${JSON.stringify(counts)}`);
  }
  return left;
}

/** RL-9: the fleet's own secrets, looked for where its people and agents can read. */
export async function findLeaks(world: World): Promise<string[]> {
  const { fleet } = world;
  const secrets = [fleet.adminKey, new URL(fleet.databaseUrl).password, new URL(fleet.redisUrl).password].filter(
    (secret) => secret.length >= 8,
  );
  const leaks = logFiles(fleet.folder)
    .filter((file) => secrets.some((secret) => readFileSync(file, "utf8").includes(secret)))
    .map((file) => `a secret stands in ${file}`);
  for (const table of ["heartbeat_runs", "heartbeat_run_events", "agent_wakeup_requests", "activity_log"]) {
    for (const secret of secrets) {
      const rows = await fleet.db.sql.query(`SELECT 1 FROM ${table} t WHERE strpos(t::text, $1) > 0 LIMIT 1`, [secret]);
      if (rows.length > 0) leaks.push(`a secret stands in table ${table}`);
    }
  }
  return leaks;
}

function logFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .map((name) => join(folder, name));
}
