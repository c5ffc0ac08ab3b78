/**
 * Receipts and waits in words (BY-1): one sentence that says what was decided and on what, and one that says what would
 * change it. The words never say more than the facts beside them.
 */
import { asJsonObject, type Decided, isJsonObject, type JsonObject, type JsonValue } from "@wakefleet/contracts";

export interface Explanation {
  readonly text: string;
  /** What would change it; null where it is over and done. */
  readonly change: string | null;
}

const shown = (value: JsonValue | undefined): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "unknown";

function amount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function listed(value: JsonValue | undefined): string {
  const ids = Array.isArray(value) ? value.map(shown) : [];
  const few = ids.slice(0, 3).join(", ");
  return ids.length > 3 ? `${few} and ${ids.length - 3} more` : few;
}

function about(facts: JsonObject): string {
  if (typeof facts["issueId"] === "string") return `issue ${facts["issueId"]}`;
  return typeof facts["taskKey"] === "string" ? `task ${facts["taskKey"]}` : "work without a task key";
}

function holder(facts: JsonObject): string {
  const behind = asJsonObject(facts["behind"]);
  return `run ${shown(behind["runId"])} of agent ${shown(behind["agentId"])}, which is ${shown(behind["status"])}`;
}

/** What a wake brings that the running run of its own agent does not know (WK-6, BY-2). */
function followUp(facts: JsonObject): string {
  if (facts["because"] === "WK-6") return "it carries a comment or an approval that its agent has not seen, so ";
  return facts["because"] === "BY-2" ? "it carries something that its agent has not been told, so " : "";
}

const blockers = (facts: JsonObject): string => {
  const ids = facts["unresolvedBlockerIssueIds"];
  const count = Array.isArray(ids) ? ids.length : 0;
  return `${amount(count, "issue")} still ${count === 1 ? "blocks" : "block"} ${about(facts)}: ${listed(ids)}`;
};

const resolveBlockers = "The assignee is woken when the last blocker is done.";
const raiseBudget = "Raise the budget, or resume the scope that is paused.";
const releaseHold = "Release the hold; a comment or a mention of the issue gets through meanwhile.";

type Words = (facts: JsonObject) => Explanation;

const done = (text: string): Explanation => ({ text, change: null });

const cancelled: Words = (facts) => done(`It was cancelled: ${shown(facts["error"])}.`.replace("..", "."));

/** By rule; what is not here is told by its outcome. */
const WORDS: Readonly<Record<string, Words>> = {
  "WK-12": (facts) => ({
    text: `A budget or a pause blocks the ${shown(facts["scopeType"])}: ${shown(facts["reason"])}`,
    change: raiseBudget,
  }),
  "WK-14": () => ({
    text: "Timers are off for this agent (runtimeConfig.heartbeat.enabled is false).",
    change: "Set runtimeConfig.heartbeat.enabled to true.",
  }),
  "WK-15": (facts) => ({
    text: `This agent takes no wakes but timers (wakeOnDemand is false); this one came as ${shown(facts["source"])}.`,
    change: "Set runtimeConfig.heartbeat.wakeOnDemand to true.",
  }),
  "WK-16": (facts) => {
    const hold = asJsonObject(facts["hold"]);
    return {
      text: `Hold ${shown(hold["holdId"])} pauses the tree of issue ${shown(hold["rootIssueId"])}, which ${about(facts)} is in.`,
      change: releaseHold,
    };
  },
  "WK-20": (facts) => ({
    text: `There is no ${about(facts)} in the agent's company.`,
    change: "Send the id of an issue of this company.",
  }),
  "WK-24": (facts) => ({ text: `${blockers(facts)}.`, change: resolveBlockers }),
  "WK-26": (facts) =>
    done(
      `This agent already has run ${shown(facts["runId"])} for ${about(facts)} (${shown(facts["status"])}); the wake joined it.`,
    ),
  "WK-27": (facts) => ({
    text: `${about(facts)} is held by ${holder(facts)}; the wake joined request ${shown(facts["joinedRequestId"])}, which waits for its end.`,
    change: "It goes on when that run ends.",
  }),
  "WK-28": (facts) => ({
    text: `${about(facts)} is held by ${holder(facts)}; ${followUp(facts)}the wake waits for its end.`,
    change: "It goes on when that run ends, or is cancelled.",
  }),
  "WK-29": (facts) => done(`Nothing else works on ${about(facts)}: a run of its own was queued.`),
  "WK-30": (facts) =>
    done(
      `This agent already has run ${shown(facts["runId"])} for ${about(facts)} (${shown(facts["status"])}); the wake joined it.`,
    ),
  "WK-31": (facts) =>
    done(
      isJsonObject(facts["besides"])
        ? `Run ${shown(facts["besides"]["runId"])} for ${about(facts)} is under way; ${followUp(facts)}a run of its own was queued.`
        : `This agent had no run to join for ${about(facts)}: a run of its own was queued.`,
    ),
  "CL-13": (facts) =>
    done(
      `A worker took it in slot ${shown(facts["slot"])}; ${shown(facts["slotsUsed"])} of ${shown(facts["slotsOf"])} were in use before.${
        facts["takesLock"] === true ? ` It took the lock of ${about(facts)}.` : ""
      }`,
    ),
  "EX-12": (facts) => done(endText(facts)),
  "PL-4": (facts) =>
    facts["ofRunId"] === undefined
      ? done(`Its worker or process was lost: ${shown(facts["error"])}`)
      : done(`Run ${shown(facts["ofRunId"])} lost its process; this is the one retry.`),
  "RT-3": (facts) => ({
    text: `Run ${shown(facts["ofRunId"])} failed in passing; attempt ${shown(facts["attempt"])} is due at ${shown(facts["dueAt"])}.`,
    change: "It starts at its due time, or at once with run-now.",
  }),
  "FI-7": (facts) =>
    done(`Run ${shown(facts["ofRunId"])} left no comment on ${about(facts)}; it is asked for one, once.`),
  "FI-8": (facts) =>
    facts["text"] === undefined
      ? done(
          `Run ${shown(facts["endedRunId"])} ended and freed ${about(facts)}; the request that waited became run ${shown(facts["runId"])}.`,
        )
      : done(`It waited for ${about(facts)} and could not go on: ${shown(facts["text"])}.`),
  "RC-77": (facts) =>
    done(
      `Run ${shown(facts["ofRunId"])} ended without success and nobody else works on ${about(facts)}: one recovery run.`,
    ),
  "BY-3": (facts) =>
    done(
      `Somebody asked for this work (request ${shown(facts["requestId"])}), so the retry was not left to wait until ${shown(facts["wasDueAt"])}.`,
    ),
  "BY-5": (facts) =>
    typeof facts["cap"] === "string"
      ? {
          text: `${shown(facts["running"])} of the ${shown(facts["limit"])} runs that the ${facts["cap"]} may have at once are running.`,
          change: "It starts when one of them ends, or when the cap is raised.",
        }
      : {
          text: `Its ${shown(facts["provider"])} account is limited by the provider until ${shown(facts["limitedUntil"])}.`,
          change: `It starts by itself soon after that${typeof facts["dueAt"] === "string" ? `, at ${facts["dueAt"]}` : ""}.`,
        },
  "BY-6": (facts) =>
    done(
      `Running runs brought the ${shown(facts["scopeType"])} to ${shown(facts["observedCents"])} of its ${shown(facts["limitCents"])} cents (${shown(facts["inFlightCents"])} not booked yet): it was asked to stop.`,
    ),
  "CN-1": cancelled,
  "CN-3": cancelled,
  "BU-21": cancelled,
  "TH-30": cancelled,
  "TH-31": cancelled,
  "CO-6": cancelled,
  "DM-18": cancelled,
  "AL-12": () => done("It was cancelled because its agent was terminated."),
  "CL-1": () => done("It is over, or a worker has it already."),
  "CL-2": (facts) => ({
    text: `It is a retry that is due at ${shown(facts["dueAt"])}.`,
    change: "It starts at its due time, or at once with run-now.",
  }),
  "CL-4": () => done("Its agent no longer exists."),
  "CL-5": (facts) => ({
    text: `Its agent is not invokable${typeof facts["agentStatus"] === "string" ? ` (${facts["agentStatus"]})` : ""}.`,
    change: "Resume the agent and wake it again.",
  }),
  "CL-6": (facts) => ({ text: shown(facts["text"] ?? facts["reason"]), change: raiseBudget }),
  "CL-7": (facts) => {
    const hold = asJsonObject(facts["hold"]);
    return {
      text: `Hold ${shown(hold["holdId"])} pauses the tree of issue ${shown(hold["rootIssueId"])}.`,
      change: releaseHold,
    };
  },
  "CL-8": (facts) => ({ text: `${blockers(facts)}.`, change: resolveBlockers }),
  "CL-9": (facts) => done(`There is no ${about(facts)} any more.`),
  "CL-10": (facts) =>
    done(
      `The ${about(facts)} now belongs to ${facts["currentAssigneeAgentId"] === null ? "no agent" : `agent ${shown(facts["currentAssigneeAgentId"])}`}; its owner is woken instead.`,
    ),
  "CL-11": (facts) => done(`The ${about(facts)} was ${shown(facts["currentStatus"])} before the run could start.`),
  "CL-12": (facts) => done(`The ${about(facts)} is in review and somebody else is to act on it.`),
  "CL-18": (facts) => ({
    text:
      facts["holderRunId"] === undefined
        ? `The agent uses ${shown(facts["slotsUsed"])} of its ${shown(facts["slotsOf"])} slots; this run is number ${shown(facts["place"])} in its queue.`
        : `Run ${shown(facts["holderRunId"])} works on ${about(facts)} now.`,
    change:
      facts["holderRunId"] === undefined
        ? "A slot comes free when a run of the agent ends, or maxConcurrentRuns is raised."
        : "It starts when that run ends.",
  }),
  "CL-30": () => done("Its issue was cancelled before the retry was due."),
  "CL-31": (facts) =>
    done(
      `Its issue went to ${facts["currentAssigneeAgentId"] === null ? "no agent" : `agent ${shown(facts["currentAssigneeAgentId"])}`} before the retry was due.`,
    ),
  "QU-1": (facts) =>
    done(`It is running: ${shown(facts["slotsUsed"])} of ${shown(facts["slotsOf"])} slots are in use.`),
  "QU-3": (facts) => ({
    text: `${facts["workersAlive"] === 0 ? "No worker is alive" : "Nothing stands in its way"}: it is number ${shown(facts["place"])} of ${shown(facts["waiting"])} in the agent's queue, with ${shown(facts["slotsUsed"])} of ${shown(facts["slotsOf"])} slots in use.`,
    change:
      facts["workersAlive"] === 0
        ? "Start a worker: it takes what waits by itself."
        : "A worker takes it when it is first and has room.",
  }),
  "AL-10": (facts) => ({
    text: `The agent is paused (${shown(facts["pauseReason"])}).`,
    change: facts["pauseReason"] === "budget" ? raiseBudget : "Resume the agent.",
  }),
  "WK-13": (facts) => ({
    text: `The agent is ${shown(facts["agentStatus"])} and cannot be woken.`,
    change: facts["agentStatus"] === "pending_approval" ? "Approve its hiring." : null,
  }),
  "WK-50": (facts) =>
    typeof facts["nextTimerAt"] === "string"
      ? {
          text: `Nothing is asked of it; its timer is due at ${facts["nextTimerAt"]}.`,
          change: "Wake it, or wait for its timer.",
        }
      : { text: "Nothing is asked of it and it has no timer.", change: "Wake it, or give it work." },
};

function endText(facts: JsonObject): string {
  const status = shown(facts["status"]);
  if (status === "succeeded") return "Its process ended well.";
  const code = typeof facts["errorCode"] === "string" ? ` (${facts["errorCode"]})` : "";
  const error = typeof facts["error"] === "string" ? `: ${facts["error"]}` : ".";
  return `It ${status === "timed_out" ? "ran out of time" : status}${code}${error}`;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A decision in words. A rule without words of its own is told by its number and what came of it. */
export function explain(decided: Pick<Decided, "rule" | "facts"> & { readonly outcome?: string }): Explanation {
  const words = WORDS[decided.rule];
  if (words === undefined) {
    return done(`Rule ${decided.rule} decided${decided.outcome === undefined ? "" : `: ${decided.outcome}`}.`);
  }
  const { text, change } = words(decided.facts);
  return { text: capitalised(text), change };
}
