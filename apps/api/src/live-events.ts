/** The reader of live events as streams here use it: an iteration that ends with its signal. */
import type { LiveEvent } from "@wakefleet/contracts";
import type { LiveEventReader } from "@wakefleet/queue";
import type { LiveEvents, LiveSubscription } from "./deps.js";

export function liveEventsOf(reader: LiveEventReader): LiveEvents {
  return {
    async *subscribe({ companyIds, signal, lastEventId, ...filter }: LiveSubscription): AsyncIterable<LiveEvent> {
      if (signal.aborted) return;
      const subscription = reader.subscribe({
        companies: companyIds,
        filter,
        ...(lastEventId === undefined ? {} : { lastEventId }),
      });
      const close = (): void => subscription.close();
      signal.addEventListener("abort", close, { once: true });
      try {
        yield* subscription;
      } finally {
        signal.removeEventListener("abort", close);
        subscription.close();
      }
    },
  };
}
