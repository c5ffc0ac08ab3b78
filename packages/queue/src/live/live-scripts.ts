/**
 * The two Lua scripts of the live events. What must stay true (API-262):
 *
 * - Ids are microseconds of Redis' clock, or one more than the last id where the clock is not ahead of it. So they grow
 *   over all processes, and also when the counter was lost: whatever was given before lies behind the clock.
 * - `floor` says up to which id events may be missing: trimmed, lost with Redis, or never stored because Redis was away.
 *   Who resumes from below it must read state anew.
 * - Storing and announcing is one step, so announcements arrive in the order of their ids; each names the id before it,
 *   so a listener that missed one notices at the next.
 */

/**
 * KEYS state events logs
 * ARGV least id known, lost(0|1), kept events, kept µs, greatest number of events, kept logs, channel, then
 *      kind('e' event | 'l' log chunk), JSON, ...
 * Answers the last id. Announces a line `previous id:first id:lost`, then a line of JSON an event; ids are consecutive.
 */
export const PUBLISH = `
local function text(n) return string.format('%.0f', n) end
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local stored = redis.call('HGET', KEYS[1], 'seq')
local previous = tonumber(stored or '0')
local first = math.max(now, previous + 1, tonumber(ARGV[1]) + 1)
local id = first - 1
local batch = {}
for i = 8, #ARGV, 2 do
  id = id + 1
  if ARGV[i] == 'l' then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], text(id) .. '-0', 'e', ARGV[i + 1])
  else
    redis.call('XADD', KEYS[2], text(id) .. '-0', 'e', ARGV[i + 1])
  end
  batch[#batch + 1] = ARGV[i + 1]
end
redis.call('HSET', KEYS[1], 'seq', text(id))
if not stored or ARGV[2] == '1' then redis.call('HSET', KEYS[1], 'floor', text(first - 1)) end

local length = redis.call('XLEN', KEYS[2])
local excess = length - tonumber(ARGV[3])
-- In steps, so that most calls trim nothing; never more at once than Redis does in a millisecond or two.
if excess >= 100 then
  local limit = now - tonumber(ARGV[4])
  if length > tonumber(ARGV[5]) then limit = now end
  local old = redis.call('XRANGE', KEYS[2], '-', text(limit) .. '-0', 'COUNT', math.min(excess, 1000))
  if #old > 0 then
    local last = tonumber(string.match(old[#old][1], '^%d+'))
    redis.call('XTRIM', KEYS[2], 'MINID', '=', text(last + 1) .. '-0')
    local floor = tonumber(redis.call('HGET', KEYS[1], 'floor') or '0')
    if last > floor then redis.call('HSET', KEYS[1], 'floor', text(last)) end
  end
end
redis.call('PUBLISH', ARGV[7], text(previous) .. ':' .. text(first) .. ':' .. ARGV[2] .. '\\n' .. table.concat(batch, '\\n'))
return text(id)
`;

/**
 * KEYS state events logs
 * ARGV after id, greatest number of entries of a stream, with logs(0|1)
 * Answers [seq or '', floor or '', oldest kept event's id or '', event entries, log entries], all of one moment.
 */
export const READ = `
local state = redis.call('HMGET', KEYS[1], 'seq', 'floor')
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local from = '(' .. ARGV[1] .. '-0'
local logs = {}
if ARGV[3] == '1' then logs = redis.call('XRANGE', KEYS[3], from, '+', 'COUNT', ARGV[2]) end
return {
  state[1] or '',
  state[2] or '',
  oldest and string.match(oldest[1], '^%d+') or '',
  redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', ARGV[2]),
  logs,
}
`;
