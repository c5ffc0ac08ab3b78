/**
 * The control channel: messages from any process to workers, over Redis' publish/subscribe. It only makes things
 * quicker. A message may be lost (Redis away, a worker reconnecting), so whoever publishes has written its wish to
 * PostgreSQL first, and workers read it there at intervals.
 */
import { z } from "zod";
import type { AgentQueues } from "./agent-queues.js";
import { errorText } from "./log.js";
import { closeRedis, connectBeside } from "./redis.js";

const controlMessageSchema = z.discriminatedUnion("kind", [
  /** The worker that runs this run should stop it (CN-1); `workerId` null: whoever it is. */
  z.object({ kind: z.literal("cancel-run"), runId: z.string(), workerId: z.string().nullable() }),
  /** Something was resumed, and much may start at once: every worker begins a pace (BY-13). */
  z.object({ kind: z.literal("resumed") }),
]);

export type ControlMessage = z.infer<typeof controlMessageSchema>;

/** Tells every subscriber. Rejects while Redis is away; losing the message must not matter. */
export async function publishControl(queues: AgentQueues, message: ControlMessage): Promise<void> {
  await queues.redis.publish(queues.keys.control, JSON.stringify(message));
}

export interface ControlSubscription {
  close(): Promise<void>;
}

/**
 * Listens on a connection of its own until closed, again after every reconnection. `onMessage` must not throw.
 * A message that cannot be read (of a newer version, RL-8) is left out and logged.
 */
export function subscribeControl(input: {
  queues: AgentQueues;
  /** Shown by `CLIENT LIST`. */
  name: string;
  onMessage: (message: ControlMessage) => void;
}): ControlSubscription {
  const { queues, onMessage } = input;
  const redis = connectBeside(queues.redis, { name: input.name, log: queues.log });
  redis.on("ready", () => {
    redis.subscribe(queues.keys.control).catch((error: unknown) => {
      queues.limitedLog.warn("control", { error: errorText(error) }, "Subscribing to the control channel failed");
      redis.disconnect(true);
    });
  });
  redis.on("message", (_channel: string, text: string) => {
    const message = parse(text);
    if (message === null) queues.limitedLog.warn("control", { text }, "A control message could not be read");
    else onMessage(message);
  });
  return { close: () => closeRedis(redis) };
}

function parse(text: string): ControlMessage | null {
  try {
    const parsed = controlMessageSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
