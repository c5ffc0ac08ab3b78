import { claude } from "./support/agent-kinds.js";
import { describeRealAgent } from "./support/real-agent-conformance.js";

describeRealAgent(claude);
