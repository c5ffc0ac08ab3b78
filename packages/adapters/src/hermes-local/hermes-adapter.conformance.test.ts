import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { hermesAdapter } from "./hermes-adapter.js";

useTemporaryHome();
describeAdapterConformance({ adapter: hermesAdapter, configFor: (executable) => ({ command: executable }) });
