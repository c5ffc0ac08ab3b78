import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { withModelListing } from "../conformance/model-listing-wrapper.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { openCodeAdapter } from "./opencode-adapter.js";

useTemporaryHome();
describeAdapterConformance({
  adapter: openCodeAdapter,
  configFor: (executable) => ({
    command: withModelListing(executable, { listArgument: "models", listing: "fake/fake-model" }),
    model: "fake/fake-model",
  }),
  successOutput: '{"type":"step_finish","part":{"reason":"stop"}}',
});
