/** The worker process (PL-5, OP-7). `--terminate`: a stop ends its runs instead of handing them over. */
import { runService } from "@wakefleet/service";
import { startWorker } from "./start-worker.js";

const terminate = process.argv.includes("--terminate");

await runService({
  name: "worker",
  title: "worker",
  async start(parts) {
    const worker = await startWorker(parts);
    return { stop: () => worker.stop({ terminate }) };
  },
});
