/**
 * Agents of a real fleet whose command lines are stubs: programs that record how they were started and print recordings of
 * the real tools (07's table of outside checks). Every agent has a directory of its own to work in, and the workers have a
 * home that is nobody's.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answerOf, createProgramFolder, type ProgramFolder, readFixtures } from "@wakefleet/adapters/conformance";
import { expect } from "vitest";
import { eventually, type Fleet, startFleet } from "./fleet.js";
import { createAgent, createCompany, type RunAnswer, readRun, untilEnded, wake } from "./fleet-work.js";

/** Fields of a run that only these tests read. */
export interface AgentRun extends RunAnswer {
  readonly sessionIdBefore: string | null;
  readonly sessionIdAfter: string | null;
  readonly usageJson: Record<string, unknown> | null;
}

export interface StubAgent {
  readonly agentId: string;
  /** Where it works unless its config is changed. */
  readonly cwd: string;
  /** Wakes for the same piece of work each time, and answers the run when it is over. */
  run(): Promise<AgentRun>;
  /** Changes its config; what is not named stays. */
  change(config: object): Promise<void>;
}

export interface StubAgentOptions {
  readonly adapterType: string;
  /** Also the name of its directory. */
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Reads what `name` of an adapter's folder printed, as a stub's answer; throws when there is no such recording. */
export function recordingsOf(folder: string): (name: string) => ReturnType<typeof answerOf> {
  const fixtures = readFixtures(
    fileURLToPath(new URL(`../../packages/adapters/src/${folder}/fixtures`, import.meta.url)),
  );
  return (name) => {
    const found = fixtures.find((fixture) => fixture.name === name);
    if (found === undefined) throw new Error(`There is no recording "${name}" of ${folder}`);
    return answerOf(found);
  };
}

/** The value after `flag` in a command line; null when it is not there. */
export function argumentAfter(argv: readonly string[] | undefined, flag: string): string | null {
  const at = argv?.indexOf(flag) ?? -1;
  return at < 0 ? null : (argv?.[at + 1] ?? null);
}

/** A fleet with one company, and a place for its agents' programs and directories. */
export class StubAgents {
  private constructor(
    readonly fleet: Fleet,
    readonly companyId: string,
    readonly programs: ProgramFolder,
    /** Of these tests alone. */
    readonly folder: string,
  ) {}

  static async open(env: Readonly<Record<string, string>> = {}): Promise<StubAgents> {
    const folder = mkdtempSync(join(tmpdir(), "wakefleet-recordings-"));
    mkdirSync(join(folder, "home"));
    const programs = await createProgramFolder();
    const fleet = await startFleet({ env: { HOME: join(folder, "home"), ...env } });
    return new StubAgents(fleet, await createCompany(fleet), programs, folder);
  }

  /** The home of the workers. */
  get home(): string {
    return join(this.folder, "home");
  }

  async close(): Promise<void> {
    await this.fleet.stop();
    await this.programs.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async agentOf({ adapterType, name, config }: StubAgentOptions): Promise<StubAgent> {
    const { fleet, companyId } = this;
    const cwd = join(this.folder, name);
    mkdirSync(cwd);
    const adapterConfig = { cwd, ...config };
    const agentId = await createAgent(fleet, { companyId, name, adapterType, adapterConfig });
    return {
      agentId,
      cwd,
      async run() {
        const { id } = await wake(fleet, agentId, { taskKey: "the-work" });
        await untilEnded(fleet, id);
        return (await readRun(fleet, id)) as AgentRun;
      },
      async change(more) {
        const { status } = await fleet.http.patch(`/api/agents/${agentId}`, {
          adapterConfig: { ...adapterConfig, ...more },
        });
        expect(status).toBe(200);
      },
    };
  }

  /** The run's log as it is stored, the service's own lines and all. */
  async logOf(run: RunAnswer): Promise<string> {
    const path = `/api/heartbeat-runs/${run.id}/log?limitBytes=1048576`;
    return (await this.fleet.http.read<{ content: string }>(path)).content;
  }

  /** The run that follows `run`, or null when there is none once everything that follows its end is done. */
  async retryOf(run: RunAnswer): Promise<string | null> {
    const [row] = await eventually(`the steps after run ${run.id}`, async () => {
      const rows = await this.fleet.db.sql.query<{ retry: string | null }>(
        `SELECT (SELECT id FROM heartbeat_runs WHERE retry_of_run_id = r.id) AS retry
           FROM heartbeat_runs r WHERE r.id = $1 AND r.finalized_at IS NOT NULL`,
        [run.id],
      );
      return rows.length === 0 ? null : rows;
    });
    return row?.retry ?? null;
  }

  /** When the run that follows `run` is due, in ms; throws when there is none. It is cancelled, so that it never starts. */
  async retryDueAt(run: RunAnswer): Promise<number> {
    const retryId = await this.retryOf(run);
    if (retryId === null) throw new Error(`No run follows run ${run.id}`);
    const { scheduledRetryAt } = await this.fleet.http.read<{ scheduledRetryAt: string | null }>(
      `/api/heartbeat-runs/${retryId}`,
    );
    await this.fleet.http.post(`/api/heartbeat-runs/${retryId}/cancel`);
    return Date.parse(scheduledRetryAt ?? "");
  }
}
