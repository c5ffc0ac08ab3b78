/**
 * Group commit (RL-26): posts that arrive while a transaction is under way share the next one. An idle process adds no
 * delay: the first post starts its transaction at once. Each post's outcome is as if it had been alone.
 *
 * After the commit the new runs are handed to the dispatcher and the events published; the answer waits for neither
 * (API-110).
 */
import { type Database, withoutTransactionMark } from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { LiveEventPublisher } from "../ports.js";
import { carryOut } from "../runs/after-commit.js";
import { acceptWakeups } from "./accept-wakeups.js";
import type { AcceptWakeupRequest, AcceptWakeupResult } from "./wake-request.js";

/** Transactions of this process that may be under way at once. */
const MAX_TRANSACTIONS = 3;
/** Posts that share one transaction. */
const MAX_GROUP = 64;

export interface WakeupAcceptorDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
}

export interface WakeupAcceptor {
  /** Decides one wake; may share its transaction with others. Rejects when PostgreSQL is away. */
  accept(request: AcceptWakeupRequest): Promise<AcceptWakeupResult>;
  /** Decides wakes in order in one transaction (WK-44): same-agent entries see each other. */
  acceptBatch(requests: readonly AcceptWakeupRequest[]): Promise<AcceptWakeupResult[]>;
}

interface Waiting {
  readonly request: AcceptWakeupRequest;
  readonly resolve: (result: AcceptWakeupResult) => void;
  readonly reject: (error: unknown) => void;
}

export function createWakeupAcceptor(deps: WakeupAcceptorDeps): WakeupAcceptor {
  const waiting: Waiting[] = [];
  let underWay = 0;

  async function acceptBatch(requests: readonly AcceptWakeupRequest[]): Promise<AcceptWakeupResult[]> {
    const accepted = await acceptWakeups(deps, requests);
    carryOut(deps, accepted);
    return accepted.results;
  }

  async function runGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const results = await acceptBatch(group.map((one) => one.request));
      for (const [index, one] of group.entries()) {
        const result = results[index];
        if (result === undefined) one.reject(new Error("a wakeup was left without a result"));
        else one.resolve(result);
      }
    } catch (error) {
      for (const one of group) one.reject(error);
    }
  }

  function startGroups(): void {
    while (underWay < MAX_TRANSACTIONS && waiting.length > 0) {
      underWay += 1;
      void runGroup(waiting.splice(0, MAX_GROUP)).finally(() => {
        underWay -= 1;
        startGroups();
      });
    }
  }

  return {
    acceptBatch,
    accept(request) {
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        withoutTransactionMark(startGroups);
      });
    },
  };
}
