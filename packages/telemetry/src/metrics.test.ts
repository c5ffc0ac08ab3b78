import { describe, expect, it } from "vitest";
import { closedLabel, createMetrics } from "./metrics.js";

const NAMES = `wakeups_total runs_finished_total run_duration_seconds queue_wait_seconds wake_to_start_seconds runs
  undispatched_runs oldest_queued_seconds deferred_wakeups claims_total lease_renewals_total leases_expired_total
  fenced_writes_refused_total retries_scheduled_total process_losses_total sweep_duration_seconds workers worker_capacity
  worker_in_use http_requests_total http_request_duration_seconds store_latency_seconds store_errors_total
  event_loop_lag_seconds`.split(/\s+/);

describe("metrics", () => {
  it("API-310 has every metric by its name", async () => {
    const text = await createMetrics().text();
    for (const name of NAMES) expect(text).toContain(`# TYPE wakefleet_${name} `);
    expect(text).toContain("process_cpu_seconds_total");
    expect(text).toContain("nodejs_heap_size_used_bytes");
  });

  it("API-310 counts with the labels of the table", async () => {
    const metrics = createMetrics();
    metrics.wakeups.inc({ source: "on_demand", outcome: "queued", reason: "other" });
    metrics.httpRequestDuration.observe({ method: "GET", route: "/api/agents/:id", status: "200" }, 0.003);
    const text = await metrics.text();
    expect(text).toContain('wakefleet_wakeups_total{source="on_demand",outcome="queued",reason="other"} 1');
    expect(text).toContain(
      'wakefleet_http_request_duration_seconds_count{method="GET",route="/api/agents/:id",status="200"} 1',
    );
  });

  it("API-310 has agent ids only when asked", async () => {
    expect(createMetrics().agentQueueDepth).toBeNull();
    const metrics = createMetrics({ perAgent: true });
    metrics.agentQueueDepth?.set({ agent_id: "a" }, 3);
    expect(await metrics.text()).toContain('wakefleet_agent_queue_depth{agent_id="a"} 3');
  });

  it("API-310 labels from outside have a bound", () => {
    expect(closedLabel("timer", ["timer", "on_demand"])).toBe("timer");
    expect(closedLabel("'; drop table", ["timer"])).toBe("other");
    expect(closedLabel(null, ["timer"])).toBe("other");
  });

  it("API-301 adds up what other processes counted, and keeps the process's own figures its own", async () => {
    const [api, ...workers] = [createMetrics(), createMetrics(), createMetrics()];
    api.claims.inc({ result: "claimed" }, 1);
    for (const worker of workers) {
      worker.claims.inc({ result: "claimed" }, 20);
      worker.runDuration.observe({ adapter_type: "process" }, 0.07);
    }
    const text = await api.text(await Promise.all(workers.map((worker) => worker.figures())));
    expect(text).toContain('wakefleet_claims_total{result="claimed"} 41');
    expect(text).toContain('wakefleet_run_duration_seconds_count{adapter_type="process"} 2');
    expect(text).toContain('wakefleet_run_duration_seconds_bucket{le="0.1",adapter_type="process"} 2');
    expect(text).toContain("process_cpu_seconds_total");
    for (const figures of await Promise.all(workers.map((worker) => worker.figures()))) {
      expect(figures).not.toMatch(/process_cpu|nodejs_|event_loop_lag/);
    }
  });
});
