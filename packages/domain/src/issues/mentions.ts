/** Whom a comment mentions (API-171, CO-41): `@name`, and Markdown links to `agent://ID`. */
import { isGuid, NAME_MAX_CHARS } from "@wakefleet/contracts";

export interface Mentions {
  /** As written, decoded; to be compared with names without case. Each once. */
  readonly names: readonly string[];
  /** Lower-case uuids, each once. They may be of another company: whoever looks them up must ask for the company. */
  readonly agentIds: readonly string[];
}

const NAME = /(?<![\p{L}\p{N}_])@([^\s@,!?.]+)/gu;
/** The end of a Markdown link. Every repetition is bounded: a long text must not cost more than its length. */
const LINK = /\]\(\s{0,8}agent:\/\/([0-9a-f-]{36})(?=[\s)?#])/gi;
const REFERENCE = /&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]+);/gi;
const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

/** Finds the mentions of a text. */
export function findMentions(body: string): Mentions {
  const names = new Map<string, string>();
  for (const [, written] of body.matchAll(NAME)) {
    const name = decodeReferences(written ?? "").trim();
    if (name !== "" && name.length <= NAME_MAX_CHARS && !names.has(name.toLowerCase()))
      names.set(name.toLowerCase(), name);
  }
  const agentIds = new Set<string>();
  for (const [, id] of body.matchAll(LINK)) {
    if (isGuid(id)) agentIds.add(id.toLowerCase());
  }
  return { names: [...names.values()], agentIds: [...agentIds] };
}

/** HTML character references as the characters they stand for; unknown ones stay as they are. */
function decodeReferences(text: string): string {
  return text.replace(REFERENCE, (whole, reference: string) => {
    const lower = reference.toLowerCase();
    if (!lower.startsWith("#")) return NAMED[lower] ?? whole;
    const code = lower.startsWith("#x") ? Number.parseInt(lower.slice(2), 16) : Number(lower.slice(1));
    return code > 0 && code <= 0x10_ff_ff && !(code >= 0xd8_00 && code <= 0xdf_ff) ? String.fromCodePoint(code) : whole;
  });
}
