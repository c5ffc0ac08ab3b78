/**
 * Loaded first in every process that a supervisor starts (`node --import`): ends the process when its supervisor is gone.
 *
 * What must stay true: even a supervisor that was killed outright, while this process was still loading, leaves nothing
 * behind. The channel to the supervisor is closed by the kernel whatever happens to it. The process first gets the chance
 * to stop in order, ending the agents it runs, but not for ever.
 */
import { isMainThread } from "node:worker_threads";

const DRAIN_DEFAULT_MS = 30_000;
/** After the drain: for ending the agents that are left (their own grace) and closing what is open. */
const MARGIN_MS = 20_000;

function endWithSupervisor(): void {
  const drainMs = Number(process.env["DRAIN_TIMEOUT_MS"]?.trim() || DRAIN_DEFAULT_MS);
  setTimeout(() => process.kill(process.pid, "SIGKILL"), drainMs + MARGIN_MS).unref();
  // A process that listens for this itself has begun to stop, and would take a signal for the second one.
  if (process.listenerCount("disconnect") === 0) process.kill(process.pid, "SIGTERM");
}

// Worker threads load this too; the process they belong to has looked already.
if (isMainThread) {
  // A supervisor that was killed while this process was loading is seen by the channel's absence, not by an event.
  if (!process.connected) endWithSupervisor();
  process.once("disconnect", endWithSupervisor);
  // Listening must not keep a process alive that has finished.
  process.channel?.unref();
}
