-- Finds the numbers between which all events of a time lie; some others lie there, too.
-- Numbers follow the server's clock. Events whose own time is near it (and near means half the margin that the caller
-- has put into his bounds) are found by a binary search; the others are few, and listed by the time that they say.
-- KEYS: stream, late. ARGV: seconds since 1970 before and after which none can be ('' for none), ms after which and ms
-- up to which late ones are wanted
local before, after, from, to = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local function number_of(entry) return entry and tonumber(string.match(entry[1], '^%d+')) or 0 end
local first = number_of(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1])
local last = number_of(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1])
if first == 0 then return {'0', '1'} end

-- Returns the seconds since 1970 of an RFC 3339 instant in UTC (days from the civil calendar, by Howard Hinnant).
local function seconds_of(text)
  local year, month, day, hour, minute, second = string.match(text, '(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)')
  month = tonumber(month)
  year = tonumber(year) - (month <= 2 and 1 or 0)
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  local days = era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year - 719468
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end

-- Returns about when an event came: a late one says so.
local function came_at(fields)
  if fields[13] == 'l' then return tonumber(fields[14]) end
  return seconds_of(string.match(fields[2], '"at":"([^"]+)"'))
end

-- Returns the largest number whose event came before ``instant``; first - 1 if none did.
local function last_before(instant)
  local low, high = first - 1, last
  while low < high do
    local middle = math.ceil((low + high) / 2)
    local entry = redis.call('XRANGE', KEYS[1], middle .. '-0', middle .. '-0')[1]
    if came_at(entry[2]) < tonumber(instant) then low = middle else high = middle - 1 end
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
