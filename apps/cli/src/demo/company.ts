/** The demonstration's company: a few agents whose adapter runs a real command on this machine. */
import type { DemoApi } from "./api.js";

export interface DemoAgent {
  readonly id: string;
  readonly name: string;
}

/** Prints numbered lines with a pause between them, as an agent at work would. */
const COUNT = `
  const name = process.env.WAKEFLEET_WAKE_REASON || "nothing in particular";
  console.log("woken because of: " + name);
  let n = 0;
  const timer = setInterval(() => {
    n += 1;
    console.log("step " + n + " of 3");
    if (n === 3) { clearInterval(timer); console.log("done"); }
  }, 200);
`;

/** Looks at its machine and says what it found. */
const LOOK = `
  const os = require("node:os");
  console.log("run " + process.env.WAKEFLEET_RUN_ID + " on " + os.hostname());
  console.log("the machine has been up for " + Math.round(os.uptime() / 60) + " minutes");
`;

const AGENTS = [
  { name: "Counter", program: COUNT, maxConcurrentRuns: 2 },
  { name: "Clerk", program: COUNT, maxConcurrentRuns: 1 },
  { name: "Lookout", program: LOOK, maxConcurrentRuns: 1 },
];

/** Makes a company and its agents over HTTP. */
export async function makeCompany(api: DemoApi): Promise<{ companyId: string; agents: DemoAgent[] }> {
  const company = await api.call<{ id: string }>("POST", "/api/companies", { name: "Demo Company" });
  const agents: DemoAgent[] = [];
  for (const { name, program, maxConcurrentRuns } of AGENTS) {
    const { answer } = await api.call<DemoAgent>("POST", `/api/companies/${company.answer.id}/agents`, {
      name,
      role: "engineer",
      adapterType: "process",
      adapterConfig: { command: process.execPath, args: ["-e", program], cwd: process.cwd(), timeoutSec: 60 },
      runtimeConfig: { heartbeat: { wakeOnDemand: true, maxConcurrentRuns } },
    });
    agents.push(answer);
  }
  return { companyId: company.answer.id, agents };
}

/** What is posted: two tasks for each agent, and each second one twice, so that a wake is seen to join a waiting run. */
export function demoWakeups(
  agents: readonly DemoAgent[],
): { agent: DemoAgent; body: { reason: string; payload: { taskKey: string } } }[] {
  return agents.flatMap((agent) =>
    ["morning report", "inbox", "inbox"].map((reason) => ({
      agent,
      body: { reason, payload: { taskKey: reason.replace(" ", "-") } },
    })),
  );
}
