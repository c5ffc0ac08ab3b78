import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { withModelListing } from "../conformance/model-listing-wrapper.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { piAdapter } from "./pi-adapter.js";

useTemporaryHome();
describeAdapterConformance({
  adapter: piAdapter,
  configFor: (executable) => ({
    command: withModelListing(executable, {
      listArgument: "--list-models",
      listing: "provider model context\nfake fake-model 128K",
    }),
    model: "fake/fake-model",
  }),
  successOutput: '{"type":"agent_end","messages":[]}',
});
