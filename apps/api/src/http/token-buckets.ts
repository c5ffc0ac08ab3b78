/**
 * Token buckets by credential (API-39), shared by all API processes through Redis.
 *
 * A process takes tokens in small lots and spends them from memory, so that most requests cost Redis nothing. A lot is
 * kept for at most a second and never exceeds a twentieth of the rate, so the sum over processes stays within a few
 * percent of the limit. While Redis is away each process counts for itself.
 */
import { LRUCache } from "lru-cache";

export interface BucketLimit {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens a full bucket holds. */
  readonly burst: number;
}

export interface BucketTake {
  readonly key: string;
  readonly limit: BucketLimit;
  readonly tokens: number;
}

export type BucketAnswer = { readonly allowed: true } | { readonly allowed: false; readonly retryAfterSec: number };

export interface TokenBuckets {
  take(take: BucketTake): Promise<BucketAnswer>;
}

/** Takes tokens from the shared bucket: how many were given, and seconds until the least asked for would be there. */
export type SharedBucket = (take: {
  readonly key: string;
  readonly limit: BucketLimit;
  readonly wanted: number;
  readonly least: number;
}) => Promise<{ readonly given: number; readonly waitSec: number }>;

/**
 * KEYS[1] the bucket (hash: `t` tokens, `at` seconds); ARGV rate, burst, wanted, least. Time is Redis' own. Gives
 * between `least` and `wanted` tokens, or none.
 */
export const BUCKET_LUA = `
local rate, burst, wanted, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local state = redis.call('HMGET', KEYS[1], 't', 'at')
local tokens = math.min(burst, (tonumber(state[1]) or burst) + math.max(0, now - (tonumber(state[2]) or now)) * rate)
local given = 0
if tokens >= least then given = math.min(wanted, math.floor(tokens)) end
if given < least then given = 0 end
redis.call('HSET', KEYS[1], 't', tostring(tokens - given), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
local wait = 0
if given == 0 then wait = (least - tokens) / rate end
return {given, tostring(wait)}
`;

const LOT_SHARE = 20;
const LOT_LIFETIME_MS = 1_000;
const MAX_KEYS = 20_000;

interface Lot {
  tokens: number;
}

/** The bucket of one process alone: what is used while Redis is away. `nowMs` grows and never jumps back. */
export function createLocalBucket(nowMs: () => number): SharedBucket {
  const buckets = new LRUCache<string, { tokens: number; atMs: number }>({ max: MAX_KEYS });
  return ({ key, limit, wanted, least }) => {
    const now = nowMs();
    const before = buckets.get(key) ?? { tokens: limit.burst, atMs: now };
    const tokens = Math.min(limit.burst, before.tokens + ((now - before.atMs) / 1_000) * limit.perSecond);
    const given = tokens >= least ? Math.min(wanted, Math.floor(tokens)) : 0;
    buckets.set(key, { tokens: tokens - given, atMs: now });
    return Promise.resolve({ given, waitSec: given > 0 ? 0 : (least - tokens) / limit.perSecond });
  };
}

/** Buckets over `shared`, falling back to this process alone when it rejects. */
export function createTokenBuckets(options: {
  readonly shared: SharedBucket;
  readonly nowMs?: () => number;
  readonly onFallback?: (error: unknown) => void;
}): TokenBuckets {
  const nowMs = options.nowMs ?? (() => performance.now());
  const local = createLocalBucket(nowMs);
  const lots = new LRUCache<string, Lot>({ max: MAX_KEYS, ttl: LOT_LIFETIME_MS });

  return {
    async take({ key, limit, tokens }) {
      if (limit.perSecond <= 0) return { allowed: true };
      // More than the bucket holds could never be given; such a request empties it.
      const least = Math.min(tokens, limit.burst);
      const lot = lots.get(key);
      if (lot !== undefined && lot.tokens >= least) {
        lot.tokens -= least;
        return { allowed: true };
      }
      const wanted = Math.max(least, Math.ceil(limit.perSecond / LOT_SHARE));
      const ask = { key, limit, wanted, least };
      const { given, waitSec } = await options.shared(ask).catch((error: unknown) => {
        options.onFallback?.(error);
        return local(ask);
      });
      if (given < least) return { allowed: false, retryAfterSec: Math.max(1, Math.ceil(waitSec)) };
      if (given > least) lots.set(key, { tokens: given - least });
      return { allowed: true };
    },
  };
}
