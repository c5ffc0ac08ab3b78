/** Skills that people mention in an issue (SK-5, SK-8): `[any text](skill://ID?s=slug)`. Pure. */
import { isGuid } from "@wakefleet/contracts";

/** A Markdown link's target ends at `)` or a blank. The text before it may be anything, so only its end is looked for. */
const MENTION = /\]\(\s{0,8}skill:\/\/([^\s)?#]+)/gi;

/** The ids of the mentions in these texts, in order and each once, in lower case. What is no UUID is passed over. */
export function mentionedSkillIds(texts: readonly string[]): string[] {
  const targets = texts.flatMap((text) =>
    [...text.matchAll(MENTION)].map((found) => (found[1] ?? "").replace(/^\/+/, "")),
  );
  return [...new Set(targets.filter(isGuid).map((id) => id.toLowerCase()))];
}
