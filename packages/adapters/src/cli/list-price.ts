/**
 * What tokens cost by the providers' price lists (BY-6): for tools that tell their cost at their end only, so that a run's
 * money is known while it goes on. It brakes; it is booked only for a run that was stopped before it told its cost.
 *
 * What must stay true: an unknown model has no price, never a guessed one. The lists come with a package, are large, and are
 * read once they are wanted.
 */
import type { calcPrice } from "@pydantic/genai-prices";

/** Tokens of one model; the three kinds of input do not overlap. */
export interface PricedTokens {
  readonly model: string | null;
  readonly inputTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
}

let loaded: typeof calcPrice | null = null;

/** Reads the lists, once a process. */
export async function loadListPrices(): Promise<void> {
  loaded ??= (await import("@pydantic/genai-prices")).calcPrice;
}

/**
 * USD by the list of a provider, named as the package names it, such as `anthropic`. Null when none of the models has a
 * price, and until `loadListPrices` has settled.
 */
export function listPriceUsd(providerId: string, uses: readonly PricedTokens[]): number | null {
  let total: number | null = null;
  for (const use of uses) {
    const price = priceOf(providerId, use);
    if (price !== null) total = (total ?? 0) + price;
  }
  return total;
}

function priceOf(providerId: string, use: PricedTokens): number | null {
  if (loaded === null || use.model === null) return null;
  const { inputTokens, cacheWriteTokens, cacheReadTokens, outputTokens } = use;
  const tokens = {
    input_tokens: inputTokens + cacheWriteTokens + cacheReadTokens,
    cache_write_tokens: cacheWriteTokens,
    cache_read_tokens: cacheReadTokens,
    output_tokens: outputTokens,
  };
  // What a tool prints is not to be trusted: added up it may be no number any more, which the package refuses by throwing.
  if (!Object.values(tokens).every(Number.isFinite)) return null;
  return loaded(tokens, use.model, { providerId })?.total_price ?? null;
}
