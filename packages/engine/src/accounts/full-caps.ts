/**
 * What this worker found full a moment ago (BY-5). While a cap is reached, every waiting agent's job comes by again and again:
 * they are turned away from memory, so that the database is asked a few times a second and not once for each of them.
 *
 * What must stay true: nothing is turned away for longer than a moment; what was freed here is known at once.
 */
import type { RunCap } from "@wakefleet/domain";

const REMEMBERED_MS = 250;
/** Agents whose account is remembered. */
const MAX_AGENTS = 10_000;

/** A cap that was found full by the job of an agent. */
export interface FoundFull {
  readonly cap: RunCap;
  readonly agentId: string;
  /** Of the agent; null where it has none. */
  readonly accountId: string | null;
}

export class FullCaps {
  private allUntilMs = 0;
  private readonly accountsUntilMs = new Map<string, number>();
  private readonly accountOfAgent = new Map<string, string>();

  note({ cap, agentId, accountId }: FoundFull, nowMs: number): void {
    if (cap !== "account" || accountId === null) {
      this.allUntilMs = nowMs + REMEMBERED_MS;
      return;
    }
    if (this.accountOfAgent.size >= MAX_AGENTS) this.clear();
    this.accountOfAgent.set(agentId, accountId);
    this.accountsUntilMs.set(accountId, nowMs + REMEMBERED_MS);
  }

  /** True while a job of this agent would only find the same again. */
  isFull(agentId: string, nowMs: number): boolean {
    if (nowMs < this.allUntilMs) return true;
    const accountId = this.accountOfAgent.get(agentId);
    return accountId !== undefined && nowMs < (this.accountsUntilMs.get(accountId) ?? 0);
  }

  /** A run of this worker ended: there may be room. */
  clear(): void {
    this.allUntilMs = 0;
    this.accountsUntilMs.clear();
    this.accountOfAgent.clear();
  }
}
