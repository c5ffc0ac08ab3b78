import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { geminiAdapter } from "./gemini-adapter.js";

useTemporaryHome();
describeAdapterConformance({
  adapter: geminiAdapter,
  configFor: (executable) => ({ command: executable }),
  successOutput: '{"type":"result","status":"success","stats":{}}',
});
