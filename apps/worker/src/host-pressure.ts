/**
 * A host under pressure delays new starts (BY-10): the worker takes no jobs while memory or processor are short. What it
 * runs goes on, what it took over too, and another host may take what waits.
 *
 * What must stay true: a worker that is stopping is never set going again.
 */
import { availableParallelism, loadavg } from "node:os";
import { availableMemoryShare } from "@wakefleet/adapters";
import { type HostFigures, type HostLimits, hostPressure } from "@wakefleet/domain";
import type { Log } from "@wakefleet/engine";
import type { FleetConsumer } from "@wakefleet/queue";

export interface HostPressureWatchOptions {
  readonly limits: HostLimits;
  readonly consumer: Pick<FleetConsumer, "pause" | "resume">;
  readonly isStopping: () => boolean;
  readonly log: Log;
  /** Absent: of this host. */
  readonly read?: () => Promise<HostFigures>;
}

/** Answers one look; call it again and again. */
export function createHostPressureWatch(options: HostPressureWatchOptions): () => Promise<void> {
  const { limits, consumer, log, read = readHostFigures } = options;
  let pressure: string | null = null;
  return async () => {
    const figures = await read();
    if (options.isStopping()) return;
    const before = pressure;
    pressure = hostPressure(figures, { limits, wasPressed: before !== null });
    // Told again and again: both are harmless to repeat, and a start in between must not undo them.
    if (pressure !== null) consumer.pause();
    else if (before !== null) consumer.resume();
    if (pressure !== null && before === null) {
      log.warn(
        { event: "host.pressure", ...figures },
        `The host is under pressure; no new run starts here. ${pressure}`,
      );
    } else if (pressure === null && before !== null) {
      log.info({ event: "host.relief", ...figures }, "the host is at ease again; runs start here");
    }
  };
}

async function readHostFigures(): Promise<HostFigures> {
  const [lastMinute = 0] = loadavg();
  // Windows has no load and says 0.
  const loadPerCore = process.platform === "win32" ? null : lastMinute / availableParallelism();
  return { availableMemoryShare: await availableMemoryShare(), loadPerCore };
}
