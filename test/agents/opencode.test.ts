import { openCode } from "./support/agent-kinds.js";
import { describeRealAgent } from "./support/describe-real-agent.js";

describeRealAgent(openCode);
