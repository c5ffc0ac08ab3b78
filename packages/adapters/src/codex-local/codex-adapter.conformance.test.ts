import path from "node:path";
import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { codexAdapter } from "./codex-adapter.js";

const home = useTemporaryHome();
const events = [
  { type: "thread.started", thread_id: "01a201fa-e962-7540-93dc-eab4755588ba" },
  { type: "turn.completed" },
];
describeAdapterConformance({
  adapter: codexAdapter,
  configFor: (executable) => ({ command: executable, env: { CODEX_HOME: path.join(home, ".codex") } }),
  successOutput: events.map((event) => JSON.stringify(event)).join("\n"),
});
