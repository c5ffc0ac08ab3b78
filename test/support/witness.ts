/**
 * The witness: a file outside the system under test, to which every execution of a witness agent appends one line when it
 * starts and one when it ends. Lines appended to one file have one order, so overlaps are read off without any clock.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./witness-agent.sh", import.meta.url));
const PRICED_SCRIPT = fileURLToPath(new URL("./priced-agent.sh", import.meta.url));

export interface WitnessLine {
  /** `gone` is the test's own note that it saw the process of a killed agent gone. */
  readonly kind: "start" | "end" | "gone";
  readonly agentId: string;
  readonly runId: string;
  readonly pid: number;
}

/** How long an execution lasts: not at all, some seconds, or until `release` is called. */
export type Hold = "none" | "until_released" | { readonly seconds: number };

export class Witness {
  private readonly file: string;
  private readonly gate: string;

  constructor(folder: string) {
    this.file = join(folder, "witness.txt");
    this.gate = join(folder, "released");
    writeFileSync(this.file, "");
  }

  /** The `adapterConfig` of a `process` agent that leaves its lines here. */
  agentConfig(hold: Hold, options: { exitCode?: number } & Record<string, unknown> = {}): Record<string, unknown> {
    const { exitCode = 0, ...config } = options;
    const how = hold === "none" ? "-" : hold === "until_released" ? this.gate : String(hold.seconds);
    return { command: SCRIPT, args: [this.file, how, String(exitCode)], ...config };
  }

  /** The `adapterConfig` of a `gemini_local` agent that leaves its lines here and says what it used: 10 tokens in, 1 out. */
  pricedConfig(hold: "none" | "until_released"): Record<string, unknown> {
    const gate = hold === "none" ? "-" : this.gate;
    return { command: PRICED_SCRIPT, env: { WITNESS_FILE: this.file, WITNESS_GATE: gate, HOME: dirname(this.file) } };
  }

  /** Lets every held execution end, or only that of one run. */
  release(runId?: string): void {
    writeFileSync(runId === undefined ? this.gate : `${this.gate}.${runId}`, "");
  }

  /** Ends the effect of a general {@link release}: executions that begin from now on are held again. */
  holdAgain(): void {
    rmSync(this.gate, { force: true });
  }

  lines(): WitnessLine[] {
    if (!existsSync(this.file)) return [];
    return readFileSync(this.file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [kind, agentId = "", runId = "", pid = ""] = line.split(" ");
        if (kind !== "start" && kind !== "end" && kind !== "gone") throw new Error(`unreadable witness line: ${line}`);
        return { kind, agentId, runId, pid: Number(pid) };
      });
  }

  /** The executions under way, oldest first. */
  open(): WitnessLine[] {
    const open = new Map<string, WitnessLine>();
    for (const line of this.lines()) {
      if (line.kind === "start") open.set(line.runId, line);
      else open.delete(line.runId);
    }
    return [...open.values()];
  }

  started(runId: string): WitnessLine | undefined {
    return this.lines().find((line) => line.kind === "start" && line.runId === runId);
  }

  /** Notes that the process of a killed execution is gone; call after having seen it. */
  noteGone(line: WitnessLine): void {
    appendFileSync(this.file, `gone ${line.agentId} ${line.runId} ${line.pid}\n`);
  }

  /**
   * What is wrong by the file alone: a run executed twice, more executions of an agent at once than `limitOf` allows, an
   * end without a start. Empty when all is well.
   */
  violations(limitOf: (agentId: string) => number): string[] {
    const violations: string[] = [];
    const starts = new Map<string, number>();
    const open = new Map<string, Set<string>>();
    for (const { kind, agentId, runId } of this.lines()) {
      const ofAgent = open.get(agentId) ?? new Set();
      open.set(agentId, ofAgent);
      if (kind === "start") {
        const count = (starts.get(runId) ?? 0) + 1;
        starts.set(runId, count);
        if (count > 1) violations.push(`run ${runId} was executed ${count} times`);
        ofAgent.add(runId);
        if (ofAgent.size > limitOf(agentId))
          violations.push(`agent ${agentId} ran ${ofAgent.size} at once: ${[...ofAgent]}`);
      } else {
        if (!starts.has(runId)) violations.push(`run ${runId} ended without a start`);
        ofAgent.delete(runId);
      }
    }
    return violations;
  }
}
