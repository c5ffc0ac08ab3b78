import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { claudeAdapter } from "./claude-adapter.js";

useTemporaryHome();
describeAdapterConformance({
  adapter: claudeAdapter,
  configFor: (executable) => ({ command: executable }),
  successOutput: '{"type":"result","subtype":"success","is_error":false,"result":"done"}',
});
