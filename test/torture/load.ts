/**
 * The callers: several clients that post wakes of all kinds over HTTP, each under a key of its own, and repeat a post
 * until it is answered for good, also when the answer to the first attempt was lost with the API that gave it. Now and
 * then one asks for what it must not get.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FleetHttp, type HttpAnswer } from "../support/fleet-http.js";
import { type Random, randomOf } from "./random.js";
import type { TorturedAgent, World } from "./world.js";

const CLIENTS = 6;
/** Active runs beyond which clients wait: the backlog at the end has to be worked off. */
const BACKLOG = 120;
const BACKLOG_LOOK_EVERY_MS = 1_000;
const AGAIN_AFTER_MS = 200;
/** Longer than any fault, and what it takes to find out about it, may keep a caller waiting. */
const ANSWER_WITHIN_MS = 120_000;
const PROBE_SHARE = 0.05;
const BATCH_SHARE = 0.1;
const ISSUE_SHARE = 0.25;

/** A wake that was answered 202. */
export interface AcceptedWake {
  readonly key: string;
  readonly agentId: string;
  readonly wakeupId: string;
  readonly outcome: string;
  /** When the answer came, by the harness's clock. */
  readonly atMs: number;
}

/** An answer nobody should get. `atMs` is when it came, by the harness's clock. */
export interface Oddity {
  readonly atMs: number;
  readonly what: string;
}

export interface LoadCounts {
  posts: number;
  refused: number;
  /** Attempts that were repeated because no answer came, or a 503. */
  repeated: number;
  probes: number;
}

interface WakeBody {
  readonly payload: Record<string, unknown>;
}

type ErrorBody = { readonly code?: string; readonly id?: string | null } | null;

export class Load {
  readonly accepted: AcceptedWake[] = [];
  /** Keys of posts that were refused for good: they must have left no run. */
  readonly refusedKeys: string[] = [];
  readonly counts: LoadCounts = { posts: 0, refused: 0, repeated: 0, probes: 0 };
  /** 5xx answers other than 503 with `Retry-After`. */
  readonly wrongFailures: Oddity[] = [];
  /** 503 answers: right only while PostgreSQL is away or was a moment ago. */
  readonly unavailable: Oddity[] = [];
  /** Posts that nobody answered for good. */
  readonly unanswered: Oddity[] = [];
  /** Probes that were answered otherwise than they had to be. */
  readonly wrongProbes: Oddity[] = [];
  private readonly journal: string;
  private backlog = 0;
  private stopped = false;

  constructor(
    private readonly world: World,
    private readonly seed: number,
  ) {
    this.journal = join(world.fleet.scratch, "accepted.jsonl");
  }

  /** Posts until {@link stop}; resolves when every post was answered for good. */
  async run(): Promise<void> {
    const watching = this.watchBacklog();
    await Promise.all(
      Array.from({ length: CLIENTS }, (_, index) => this.client(randomOf(this.seed, `client ${index}`))),
    );
    await watching;
  }

  stop(): void {
    this.stopped = true;
  }

  private async watchBacklog(): Promise<void> {
    while (!this.stopped) {
      try {
        const [row] = await this.world.fleet.db.sql.query<{ count: number }>(
          "SELECT count(*)::int AS count FROM heartbeat_runs WHERE status IN ('queued','scheduled_retry','running')",
        );
        this.backlog = row?.count ?? 0;
      } catch {
        // PostgreSQL is away; nothing is accepted meanwhile.
      }
      await delay(BACKLOG_LOOK_EVERY_MS);
    }
  }

  private async client(random: Random): Promise<void> {
    const { agents, owners } = this.world;
    const rates = agents.map((agent) => agent.rate);
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    while (!this.stopped) {
      await delay(-Math.log(1 - random.next()) * ((CLIENTS * 1_000) / (total * 1.4)));
      if (this.backlog > BACKLOG) continue;
      const kind = random.next();
      if (kind < PROBE_SHARE) await this.probe(random);
      else if (kind < PROBE_SHARE + BATCH_SHARE) await this.postBatch(random);
      else if (kind < PROBE_SHARE + BATCH_SHARE + ISSUE_SHARE)
        await this.post(random.pick(owners), this.issueWake(random));
      else await this.post(byRate(agents, random), taskWake(random));
    }
  }

  private async post(agent: TorturedAgent, body: WakeBody): Promise<void> {
    const key = randomUUID();
    this.counts.posts += 1;
    const answer = await this.untilAnswered<ErrorBody>((http) =>
      http.post(`/api/agents/${agent.id}/wakeup`, body, { "Idempotency-Key": key }),
    );
    if (answer === null) return;
    if (answer.status === 202) {
      this.keep({
        key,
        agentId: agent.id,
        wakeupId: answer.headers.get("x-wakeup-id") ?? "",
        outcome: answer.headers.get("x-wakeup-outcome") ?? "",
      });
    } else {
      this.counts.refused += 1;
      this.refusedKeys.push(key);
    }
  }

  private async postBatch(random: Random): Promise<void> {
    const key = randomUUID();
    const items = Array.from({ length: random.between(2, 6) }, () => ({
      agentId: byRate(this.world.agents, random).id,
      ...taskWake(random),
    }));
    this.counts.posts += items.length;
    type Result = { readonly wakeupId?: string | null; readonly outcome?: string };
    const answer = await this.untilAnswered<{ readonly results: readonly Result[] }>((http) =>
      http.post("/api/wakeups/batch", { items }, { "Idempotency-Key": key }),
    );
    if (answer === null || answer.status !== 202) return;
    for (const [index, { wakeupId, outcome }] of answer.body.results.entries()) {
      const agentId = items[index]?.agentId ?? "";
      if (typeof wakeupId === "string" && outcome !== undefined) {
        this.keep({ key: `${key}#${index}`, agentId, wakeupId, outcome });
      } else this.counts.refused += 1;
    }
  }

  private keep(answered: Omit<AcceptedWake, "atMs">): void {
    const wake = { ...answered, atMs: Date.now() };
    this.accepted.push(wake);
    appendFileSync(this.journal, `${JSON.stringify(wake)}\n`);
  }

  /** Asks any serving API again and again until the answer is one for good; null when none came for too long. */
  private async untilAnswered<Body>(
    ask: (http: FleetHttp) => Promise<HttpAnswer<Body>>,
  ): Promise<HttpAnswer<Body> | null> {
    const deadline = performance.now() + ANSWER_WITHIN_MS;
    for (let attempt = 0; performance.now() < deadline; attempt += 1) {
      const apis = this.world.apis();
      const api = apis[attempt % Math.max(1, apis.length)];
      try {
        const answer = api === undefined ? null : await ask(new FleetHttp(api.url, this.world.fleet.adminKey));
        if (answer !== null) {
          this.judge(answer);
          if (answer.status < 500) return answer;
        }
      } catch {
        // The connection broke: whether the wake was accepted is unknown until the key is asked for again.
      }
      this.counts.repeated += 1;
      await delay(AGAIN_AFTER_MS);
    }
    this.unanswered.push({ atMs: Date.now(), what: `a post was not answered within ${ANSWER_WITHIN_MS} ms` });
    return null;
  }

  /** RL-6: nothing a caller sends is answered 5xx, but for a store that is away. */
  private judge(answer: HttpAnswer<unknown>): void {
    if (answer.status < 500) return;
    const what = `${answer.status} ${JSON.stringify(answer.body)}`.slice(0, 300);
    const isRight = answer.status === 503 && answer.headers.get("retry-after") !== null;
    (isRight ? this.unavailable : this.wrongFailures).push({ atMs: Date.now(), what });
  }

  private issueWake(random: Random): WakeBody {
    const issueId = random.pick(this.world.issueIds);
    return { payload: { issueId, ...(random.next() < 0.5 ? { commentId: randomUUID() } : {}) } };
  }

  /** RL-9, RL-10: what must be refused, and with which status. */
  private async probe(random: Random): Promise<void> {
    const { fleet, companyId, agents, strangerKey } = this.world;
    const agent = random.pick(agents);
    const key = randomUUID();
    const headers = { "Idempotency-Key": key };
    const probes: readonly { what: string; key: string; path: string; body: object; statuses: readonly number[] }[] = [
      { what: "no such key", key: "wfk_0", path: `/api/agents/${agent.id}/wakeup`, body: {}, statuses: [401, 429] },
      {
        what: "another company's agent",
        key: strangerKey,
        path: `/api/agents/${agent.id}/wakeup`,
        body: {},
        statuses: [403],
      },
      {
        what: "another company's agents",
        key: strangerKey,
        path: `/api/companies/${companyId}/agents`,
        body: { name: "Intruder" },
        statuses: [403],
      },
      {
        what: "a source that does not exist",
        key: fleet.adminKey,
        path: `/api/agents/${agent.id}/wakeup`,
        body: { source: "nowhere" },
        statuses: [400, 422],
      },
      {
        what: "a payload that is no object",
        key: fleet.adminKey,
        path: `/api/agents/${agent.id}/wakeup`,
        body: { payload: [1] },
        statuses: [400, 422],
      },
    ];
    const probe = random.pick(probes);
    const [api] = this.world.apis();
    if (api === undefined) return;
    try {
      const answer = await new FleetHttp(api.url, probe.key).post<unknown>(probe.path, probe.body, headers);
      if (answer.status === 503) return;
      this.counts.probes += 1;
      this.refusedKeys.push(key);
      if (!probe.statuses.includes(answer.status)) {
        this.wrongProbes.push({
          atMs: Date.now(),
          what: `${probe.what}: ${answer.status} ${JSON.stringify(answer.body)}`,
        });
      }
    } catch {
      // The API went away: nothing was learned.
    }
  }
}

/** Nine in ten are pieces of work of their own; the others join whatever runs. */
function taskWake(random: Random): WakeBody {
  return { payload: { taskKey: random.next() < 0.9 ? randomUUID() : `shared-${random.between(0, 2)}` } };
}

function byRate(agents: readonly TorturedAgent[], random: Random): TorturedAgent {
  const total = agents.reduce((sum, agent) => sum + agent.rate, 0);
  let left = random.next() * total;
  for (const agent of agents) {
    left -= agent.rate;
    if (left < 0) return agent;
  }
  return random.pick(agents);
}
