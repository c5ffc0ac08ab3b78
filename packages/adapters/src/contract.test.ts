/** Every adapter that ships keeps the contract of all adapters. */
import path from "node:path";
import { describeAdapterContract } from "./conformance/contract-conformance.js";
import { useTemporaryHome } from "./conformance/temporary-home.js";
import { builtInAdapters } from "./registry.js";

const home = useTemporaryHome();

/** Enough for a run to begin; whatever a test starts ends before it would reach these. */
const CONFIGS: Readonly<Record<string, object>> = {
  http: { url: "http://127.0.0.1:9/" },
  openclaw_gateway: { url: "ws://127.0.0.1:9/" },
};

for (const adapter of builtInAdapters()) {
  describeAdapterContract({
    adapter,
    config: { command: "/bin/true", cwd: path.join(home), model: "a/b", ...CONFIGS[adapter.type] },
  });
}
