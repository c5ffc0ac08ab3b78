/** The API process (API-18, OP-7). */
import { runService } from "@wakefleet/service";
import { startApi } from "./start-api.js";

await runService({
  name: "api",
  title: "API",
  async start({ config, log }) {
    const api = await startApi({ config, log });
    return { stop: () => api.stop(), ready: { url: api.url } };
  },
});
