/** Lines Codex writes to stderr that say nothing about a run (AD-150). */

const TIMESTAMP = String.raw`^\s*\d{4}-\d{2}-\d{2}T\S+\s+ERROR\s+`;

export const CODEX_NOISE: readonly RegExp[] = [
  new RegExp(`${TIMESTAMP}codex_core::rollout::list: state db missing rollout path for thread\\b`),
  new RegExp(
    `${TIMESTAMP}codex_api::endpoint::responses_websocket: failed to connect to (?:Responses )?WebSocket\\b`,
    "i",
  ),
];

/** True for such a line. */
export function isCodexNoise(line: string): boolean {
  return CODEX_NOISE.some((pattern) => pattern.test(line));
}
