/**
 * What the agents themselves said, in a file outside the system, and between their lines what the operators asked for:
 * one file, one order, so that hardly a clock is needed to compare the two.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive } from "../support/leftovers.js";

const SCRIPT = fileURLToPath(new URL("./torture-agent.sh", import.meta.url));

export interface StartLine {
  readonly kind: "start";
  readonly agentId: string;
  readonly runId: string;
  readonly pid: number;
  /** The claim token the agent was given; null when it was given none. */
  readonly claimToken: number | null;
  readonly issueId: string | null;
  /** Other runs of the agent whose executions lived at that moment. */
  readonly besideOfAgent: readonly string[];
  /** The same for the issue. */
  readonly besideOnIssue: readonly string[];
  /** When its process was started, by the machine's clock. */
  readonly startedAtMs: number;
}

export interface EndLine {
  readonly kind: "end";
  readonly agentId: string;
  readonly runId: string;
  readonly pid: number;
  readonly exitCode: number;
}

/** An operator asked for a limit, or was told that it holds now. `atMs` is the harness's clock. */
export interface LimitLine {
  readonly kind: "limit-asked" | "limit-set";
  readonly agentId: string;
  readonly limit: number;
  readonly atMs: number;
}

export type WitnessLine = StartLine | EndLine | LimitLine;

export interface AgentBehaviour {
  readonly shortestMs: number;
  readonly longestMs: number;
  readonly how: "well" | "flaky" | "stubborn";
}

export class TortureWitness {
  private readonly file: string;

  constructor(private readonly folder: string) {
    this.file = join(folder, "witness.txt");
    mkdirSync(join(folder, "alive"), { recursive: true });
    writeFileSync(this.file, "");
  }

  /** The `adapterConfig` of a `process` agent that leaves its lines here. */
  agentConfig({ shortestMs, longestMs, how }: AgentBehaviour): Record<string, unknown> {
    return { command: SCRIPT, args: [this.folder, String(shortestMs), String(longestMs), how], graceSec: 1 };
  }

  /** Makes room for what executions of an agent, or on an issue, tell each other. Call before the first wake. */
  expect(agentOrIssueId: string): void {
    mkdirSync(join(this.folder, "alive", agentOrIssueId), { recursive: true });
  }

  noteLimit(line: LimitLine): void {
    appendFileSync(this.file, `${line.kind} ${line.agentId} ${line.limit} ${line.atMs}\n`);
  }

  lines(): WitnessLine[] {
    return readFileSync(this.file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map(parseLine);
  }

  /** Executions under way that still have a process, oldest first. */
  open(): StartLine[] {
    const open = new Map<string, StartLine>();
    for (const line of this.lines()) {
      if (line.kind === "start") open.set(`${line.runId} ${line.pid}`, line);
      else if (line.kind === "end") open.delete(`${line.runId} ${line.pid}`);
    }
    return [...open.values()].filter(({ pid }) => isAlive(pid));
  }
}

/** Linux reports times to programs in hundredths of a second since the machine's start. */
const TICK_MS = 10;

function machineStartMs(): number {
  return Date.now() - Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1_000;
}

function parseLine(text: string): WitnessLine {
  const [kind, agentId = "", ...rest] = text.split(" ");
  switch (kind) {
    case "start": {
      const [runId = "", pid, token, issue = "-", beside = "-", onIssue = "-", ticks] = rest;
      return {
        kind,
        agentId,
        runId,
        pid: Number(pid),
        claimToken: token === "-" ? null : Number(token),
        issueId: issue === "-" ? null : issue,
        besideOfAgent: namesOf(beside),
        besideOnIssue: namesOf(onIssue),
        startedAtMs: machineStartMs() + Number(ticks) * TICK_MS,
      };
    }
    case "end": {
      const [runId = "", pid, exitCode] = rest;
      return { kind, agentId, runId, pid: Number(pid), exitCode: Number(exitCode) };
    }
    case "limit-asked":
    case "limit-set": {
      const [limit, atMs] = rest;
      return { kind, agentId, limit: Number(limit), atMs: Number(atMs) };
    }
    default:
      throw new Error(`unreadable witness line: ${text}`);
  }
}

function namesOf(text: string): string[] {
  return text === "-" ? [] : text.split(",");
}
