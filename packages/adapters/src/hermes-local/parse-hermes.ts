/**
 * Reads what Hermes prints with `chat -q` (AD-293 to AD-295): plain text, one line at a time.
 *
 * What must stay true: the answer is what stands before the `session_id:` line; lines of Hermes's own machinery are not
 * part of it; memory is bounded.
 */
import type { EventParser } from "../cli/event-reader.js";
import type { TokenUsage } from "../contract.js";

/** AD-293. */
const SUMMARY_CHARS = 2000;
const ANSWER_CHARS = 64 * 1024;
const ERROR_LINES = 5;
const ERROR_LINE_CHARS = 500;
/** Figures stand on short lines; patterns are not tried on more. */
const FIGURE_LINE_CHARS = 2000;

const SESSION_LINE = /^\s*session[_ ]id\s*:\s*(\S+)\s*$/i;
const SAVED_SESSION = /\bsession\s+saved\s*:\s*([\w-]+)/i;
const TOKENS = /\btokens?\s*:?\s*(\d[\d,]*)\s*(?:input|in)\b\D*(\d[\d,]*)\s*(?:output|out)\b/i;
const COST = /\b(?:cost|spent)\s*:\s*\$?\s*(\d+(?:\.\d+)?)/i;
/** Lines about tools and progress, and log lines of libraries, which quiet mode does not always keep out of the answer. */
const MACHINERY = /^\s*(?:\[(?:tool|hermes|wakefleet|paperclip|done|mcp)\b|┊|[│╭╰─━]+\s*(?:tool|hermes)?\s*$)/i;
const LOG_LINE =
  /^\s*\[?(?:\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}|(?:\d{2}:){2}\d{2}\b)|^\s*\[?(?:INFO|DEBUG|WARN|WARNING)\b(?:\]|:|\s+[\w.]+\s*[-:])/;
const MCP_CHATTER = /\bMCP server\b|\bmcp[-_.][\w-]+\b.*\b(?:start|connect|ready|listening|registered|running)/i;
const FAULT_WORDS = /error|exception|traceback|failed/i;

/** True for a stderr line that reports no trouble (AD-294): time-stamped, INFO, DEBUG or WARN, or an MCP server's talk. */
export function isBenignHermesLine(line: string): boolean {
  return LOG_LINE.test(line) || MCP_CHATTER.test(line);
}

/** What is known so far. */
export interface HermesOutput {
  readonly sessionId: string | null;
  /** The whole answer, at most 64 Ki characters; null when there was none. */
  readonly answer: string | null;
  /** The answer's first 2000 characters (AD-293). */
  readonly summary: string | null;
  readonly usage: TokenUsage | null;
  readonly costUsd: number | null;
  /** Stderr lines that name a fault, the first five. Only read when the exit code is not 0 (AD-295). */
  readonly faultLines: readonly string[];
  /** The first stderr line that is not benign. */
  readonly firstErrorLine: string | null;
}

export interface HermesParser extends EventParser<HermesOutput> {
  onPlainLine(line: string): void;
  onStderrLine(line: string): void;
}

/** A parser for one invocation. */
export function createHermesParser(): HermesParser {
  let sessionId: string | null = null;
  let usage: TokenUsage | null = null;
  let costUsd: number | null = null;
  let answer = "";
  let answerEnded = false;
  const faultLines: string[] = [];
  let firstErrorLine: string | null = null;

  /** True when the line was the session's. */
  const readFigures = (whole: string): boolean => {
    const line = whole.slice(0, FIGURE_LINE_CHARS);
    const session = SESSION_LINE.exec(line) ?? SAVED_SESSION.exec(line);
    if (session?.[1] !== undefined) {
      sessionId = session[1];
      return true;
    }
    const tokens = TOKENS.exec(line);
    if (tokens !== null) usage = { inputTokens: countOf(tokens[1]), outputTokens: countOf(tokens[2]) };
    const cost = COST.exec(line);
    if (cost !== null) costUsd = Number(cost[1]);
    return false;
  };

  const parser: HermesParser = {
    // The tool prints text; a line that happens to be JSON is text as well.
    onEvent: (event) => parser.onPlainLine(JSON.stringify(event)),
    onPlainLine(line) {
      if (readFigures(line)) {
        answerEnded = true;
        return;
      }
      if (answerEnded || MACHINERY.test(line) || LOG_LINE.test(line)) return;
      if (answer.length < ANSWER_CHARS) answer += `${line}\n`;
    },
    onStderrLine(line) {
      readFigures(line);
      if (line.trim() === "" || isBenignHermesLine(line)) return;
      const kept = line.trim().slice(0, ERROR_LINE_CHARS);
      firstErrorLine ??= kept;
      if (FAULT_WORDS.test(line) && faultLines.length < ERROR_LINES) faultLines.push(kept);
    },
    output() {
      const text = answer.trim().slice(0, ANSWER_CHARS);
      return {
        sessionId,
        answer: text === "" ? null : text,
        summary: text === "" ? null : text.slice(0, SUMMARY_CHARS),
        usage,
        costUsd,
        faultLines: [...faultLines],
        firstErrorLine,
      };
    },
  };
  return parser;
}

function countOf(text: string | undefined): number {
  return Number((text ?? "0").replaceAll(",", ""));
}
