import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { cursorAdapter } from "./cursor-adapter.js";

useTemporaryHome();
describeAdapterConformance({
  adapter: cursorAdapter,
  configFor: (executable) => ({ command: executable }),
  successOutput: '{"type":"result","subtype":"success"}',
});
