/** Wake → adapter start over HTTP on an idle fleet, one wake at a time, of random agents. */
import type { BenchFleet } from "./fleet.js";

/** Milliseconds from before the POST to the adapter's start. */
export async function wakeToStart(fleet: BenchFleet, agentIds: readonly string[], samples: number): Promise<number[]> {
  const startedAt = new Map<string, number>();
  let tell: (() => void) | null = null;
  const stopListening = fleet.onStart(({ runId, atMs }) => {
    startedAt.set(runId, atMs);
    tell?.();
  });
  const latencies: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    const agentId = agentIds[Math.floor(Math.random() * agentIds.length)] ?? "";
    const postedAt = performance.timeOrigin + performance.now();
    const run = await wake(fleet, agentId, `latency-${index}-${postedAt}`);
    while (!startedAt.has(run)) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
    latencies.push((startedAt.get(run) ?? 0) - postedAt);
  }
  stopListening();
  return latencies.slice(Math.floor(samples / 10));
}

/** Posts one wake; answers the run's id. */
export async function wake(
  fleet: Pick<BenchFleet, "apiUrl" | "adminKey">,
  agentId: string,
  taskKey: string,
): Promise<string> {
  const response = await fetch(`${fleet.apiUrl}/api/agents/${agentId}/wakeup`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${fleet.adminKey}` },
    body: JSON.stringify({ payload: { taskKey } }),
  });
  if (response.status !== 202) throw new Error(`a wake was answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}
