-- Finds the numbers between which all events of a time lie; some others lie there, too.
-- Numbers follow the server's clock. Events whose own time is near it (and near means half the margin that the caller
-- has put into his bounds) are found by a binary search; the others are few, and listed by the time that they say.
-- KEYS: stream, late. ARGV: first 19 characters of the instants before and after which none can be ('' for none),
-- ms after which and ms up to which late ones are wanted
local before, after, from, to = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local function number_of(entry) return entry and tonumber(string.match(entry[1], '^%d+')) or 0 end
local first = number_of(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1])
local last = number_of(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1])
if first == 0 then return {'0', '1'} end

-- Returns the largest number whose event says an earlier second than ``instant``; first - 1 if none does.
local function last_before(instant)
  local low, high = first - 1, last
  while low < high do
    local middle = math.ceil((low + high) / 2)
    local entry = redis.call('XRANGE', KEYS[1], middle .. '-0', middle .. '-0')[1]
    local at = string.match(entry[2][2], '"at":"([^"]+)"')
    if string.sub(at, 1, 19) < instant then low = middle else high = middle - 1 end
  end
  return low
end

local highest = before == '' and last or last_before(before)
local lowest = after == '' and first or last_before(after) + 1
for _, seq in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], from, to)) do
  highest = math.max(highest, tonumber(seq))
  lowest = math.min(lowest, tonumber(seq))
end
return {string.format('%d', highest), string.format('%d', lowest)}
