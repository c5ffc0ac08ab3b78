import { describeAdapterConformance } from "../conformance/adapter-conformance.js";
import { processAdapter } from "./process-adapter.js";

describeAdapterConformance({ adapter: processAdapter, configFor: (executable) => ({ command: executable }) });
