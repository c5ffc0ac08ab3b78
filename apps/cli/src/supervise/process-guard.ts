/**
 * Loaded first in every process that a supervisor starts (`node --import`): ends the process when its supervisor is gone.
 *
 * What must stay true: even a supervisor that was killed outright, while this process was still loading, leaves nothing
 * behind. The channel to the supervisor is closed by the kernel whatever happens to it. The process first gets the chance
 * to stop its children in order (SIGTERM to itself), but not for ever.
 */
import { isMainThread } from "node:worker_threads";

const LAST_CHANCE_MS = 10_000;

function endWithSupervisor(): void {
  // A watchdog of its own thread would be stricter; a loop that is blocked for good is the reaper's case (PL-1).
  setTimeout(() => process.kill(process.pid, "SIGKILL"), LAST_CHANCE_MS).unref();
  process.kill(process.pid, "SIGTERM");
}

// Worker threads load this too; the process they belong to has looked already.
if (isMainThread) {
  // A supervisor that was killed while this process was loading is seen by the channel's absence, not by an event.
  if (!process.connected) endWithSupervisor();
  process.once("disconnect", endWithSupervisor);
  // Listening must not keep a process alive that has finished.
  process.channel?.unref();
}
