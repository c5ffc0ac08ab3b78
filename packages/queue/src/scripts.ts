/**
 * The Lua scripts of this package. Each runs atomically in Redis and uses Redis' own clock, so hosts may disagree
 * about the time. `ready-set.ts` holds the argument why no wake-up is lost; change a script only with it in mind.
 *
 * Scores of the ready set: a whole number is a signal ("from this millisecond on, have a look"); a number with a
 * fraction is the mark of a take, and is never chosen twice. Doubles hold milliseconds of this era with ten binary
 * digits to spare, so the comparison is exact.
 */

const NOW = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`;

/** Rings when somebody idle should look now, or sooner than it planned to. */
const RING = `
local function ring(bell)
  if redis.call('LLEN', bell) == 0 then redis.call('RPUSH', bell, '1') end
end
local function ringIfSooner(ready, bell, at, agent)
  if at <= now then return ring(bell) end
  if redis.call('ZRANGE', ready, 0, 0)[1] == agent then ring(bell) end
end
`;

/** Never before the end of a hold; a whole number replaces any mark, so the taker sees that something happened. */
const PLACE = `
local function place(ready, hold, agent, at)
  local held = redis.call('ZSCORE', hold, agent)
  if held and tonumber(held) > at then at = tonumber(held) end
  local current = redis.call('ZSCORE', ready, agent)
  if current then at = math.min(at, math.floor(tonumber(current))) end
  redis.call('ZADD', ready, at, agent)
  return at
end
`;

/** KEYS ready bell hold; ARGV clearHold(0|1), then agent, at(ms; 0 = now), ... */
const SIGNAL = `${NOW}${RING}${PLACE}
for i = 2, #ARGV, 2 do
  local agent, at = ARGV[i], tonumber(ARGV[i + 1])
  if at <= 0 then at = now end
  if ARGV[1] == '1' then redis.call('ZREM', KEYS[3], agent) end
  at = place(KEYS[1], KEYS[3], agent, at)
  ringIfSooner(KEYS[1], KEYS[2], at, agent)
end
return 1
`;

/** KEYS ready bell hold sequence; ARGV n, visibilityMs -> [now, next due or '', agent, token, ...] */
const TAKE = `${NOW}${RING}
local answer = { tostring(now), '' }
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #due > 0 then
  local mark = (redis.call('INCR', KEYS[4]) % 1023 + 1) / 1024
  local token = string.format('%.17g', now + tonumber(ARGV[2]) + mark)
  for _, agent in ipairs(due) do
    redis.call('ZADD', KEYS[1], token, agent)
    local held = redis.call('ZSCORE', KEYS[3], agent)
    if held and tonumber(held) <= now then redis.call('ZREM', KEYS[3], agent) end
    answer[#answer + 1] = agent
    answer[#answer + 1] = token
  end
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[2] then
  answer[2] = first[2]
  if tonumber(first[2]) <= now then ring(KEYS[2]) end
end
return answer
`;

/** KEYS ready bell hold; ARGV agent, token, at('' none | 0 now | ms), within('' none | ms from now), ... */
const SETTLE = `${NOW}${RING}${PLACE}
for i = 1, #ARGV, 4 do
  local agent, token = ARGV[i], tonumber(ARGV[i + 1])
  local at, within = tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  -- A due time that has passed here but not on the consumer's host: look again soon, not in a tight loop.
  if at then at = at <= 0 and now or math.max(at, now + 20) end
  if within then at = math.min(at or (now + within), now + within) end
  local current = redis.call('ZSCORE', KEYS[1], agent)
  if current and tonumber(current) == token then redis.call('ZREM', KEYS[1], agent) end
  if at then
    at = place(KEYS[1], KEYS[3], agent, at)
    ringIfSooner(KEYS[1], KEYS[2], at, agent)
  end
end
return 1
`;

/** KEYS ready bell hold; ARGV agent, delayMs: nobody looks at the agent for delayMs, then somebody does. */
const HOLD = `${NOW}${RING}
local at = now + tonumber(ARGV[2])
redis.call('ZADD', KEYS[3], at, ARGV[1])
redis.call('ZADD', KEYS[1], at, ARGV[1])
ringIfSooner(KEYS[1], KEYS[2], at, ARGV[1])
return 1
`;

/** KEYS ready hold; ARGV agent */
const FORGET = `
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
`;

/** KEYS wait active prioritized delayed meta -> [waiting, active, next due or '', paused(0|1), concurrency or ''] */
const PEEK = `
local meta = redis.call('HMGET', KEYS[5], 'paused', 'concurrency')
local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
local due = ''
if first[2] then due = string.format('%.0f', math.floor(tonumber(first[2]) / 0x1000)) end
return {
  redis.call('LLEN', KEYS[1]) + redis.call('ZCARD', KEYS[3]),
  redis.call('LLEN', KEYS[2]),
  due,
  meta[1] and 1 or 0,
  meta[2] or '',
}
`;

/** KEYS wait active prioritized delayed meta completed failed -> PEEK's answer without the due time, and counts */
const COUNTS = `
local meta = redis.call('HMGET', KEYS[5], 'paused', 'concurrency')
return {
  redis.call('LLEN', KEYS[1]) + redis.call('ZCARD', KEYS[3]),
  redis.call('LLEN', KEYS[2]),
  redis.call('ZCARD', KEYS[4]),
  redis.call('ZCARD', KEYS[6]),
  redis.call('ZCARD', KEYS[7]),
  meta[1] and 1 or 0,
  meta[2] or '',
}
`;

/** KEYS meta; ARGV concurrency, overwrite(0|1), maxLenEvents, version */
const ENSURE = `
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'concurrency', ARGV[1])
else
  redis.call('HSETNX', KEYS[1], 'concurrency', ARGV[1])
end
redis.call('HSET', KEYS[1], 'opts.maxLenEvents', ARGV[3], 'version', ARGV[4])
return 1
`;

/**
 * KEYS lock; ARGV token, durationMs, force(0|1) -> 1 when the lock is ours now.
 * A lock that expired under a long run is taken again; one that another token holds is left, unless forced.
 */
const RELOCK = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and ARGV[3] ~= '1' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** KEYS lock; ARGV token: frees our own lock only. */
const UNLOCK = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

/** KEYS key; ARGV old, new -> 1 when the key held old and holds new now. */
const REPLACE_IF_SAME = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
`;

/**
 * KEYS job prioritized; ARGV id, priority -> 1 when there is such a job.
 * The low half of a waiting job's score is its number in the order of arrival (BullMQ's), which it keeps. A delayed job is
 * put where its priority says when it is due.
 */
const JOB_PLACE = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'priority', ARGV[2])
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if score then
  local placed = tonumber(ARGV[2]) * 0x100000000 + tonumber(score) % 0x100000000
  redis.call('ZADD', KEYS[2], string.format('%.0f', placed), ARGV[1])
end
return 1
`;

/** Name in Redis clients -> body and number of keys. */
export const FLEET_SCRIPTS = {
  fleetSignal: { lua: SIGNAL, numberOfKeys: 3 },
  fleetTake: { lua: TAKE, numberOfKeys: 4 },
  fleetSettle: { lua: SETTLE, numberOfKeys: 3 },
  fleetHold: { lua: HOLD, numberOfKeys: 3 },
  fleetForget: { lua: FORGET, numberOfKeys: 2 },
  queuePeek: { lua: PEEK, numberOfKeys: 5 },
  queueCounts: { lua: COUNTS, numberOfKeys: 7 },
  queueEnsure: { lua: ENSURE, numberOfKeys: 1 },
  jobRelock: { lua: RELOCK, numberOfKeys: 1 },
  jobPlace: { lua: JOB_PLACE, numberOfKeys: 2 },
  jobUnlock: { lua: UNLOCK, numberOfKeys: 1 },
  replaceIfSame: { lua: REPLACE_IF_SAME, numberOfKeys: 1 },
} as const;

export type FleetScript = keyof typeof FLEET_SCRIPTS;
