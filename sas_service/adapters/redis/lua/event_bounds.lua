-- Finds the numbers between which all events of a time lie; some others lie there, too.
-- Numbers follow the server's clock. Events whose own time is near it (and near means half the margin that the caller
-- has put into his bounds) are found by a search; the others are few, and listed by the time that they say.
-- KEYS: stream, late. ARGV: seconds since 1970 before and after which none can be ('' for none), ms after which and ms
-- up to which late ones are wanted
local before, after, from, to = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local CLOSE = 16
local function number_of(entry) return tonumber(string.match(entry[1], '^%d+')) end
local function entry_at(at) return redis.call('XRANGE', KEYS[1], at .. '-0', at .. '-0')[1] end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not oldest then return {'0', '1'} end
local first, last = number_of(oldest), number_of(newest)

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

-- Returns two numbers, at most CLOSE apart, between which lies the largest whose event came before ``instant``.
-- Events come at a pace that seldom changes: so the next place to look at is where it would be at that pace, a little
-- beyond it from where the last look was, and every third time the middle. The larger a stream, the more this saves.
local function around(instant)
  local low, high, beyond, looks = first - 1, last, 0, 0
  local came_low, came_high = came_at(oldest[2]), came_at(newest[2])
  while high - low > CLOSE do
    looks = looks + 1
    local share = looks % 3 ~= 0 and came_high > came_low and (instant - came_low) / (came_high - came_low) or 0.5
    local place = math.floor(low + (high - low) * share + beyond)
    place = math.min(math.max(place, low + 1), high)
    local came = came_at(entry_at(place)[2])
    if came < instant then
      low, came_low, beyond = place, came, CLOSE / 2
    else
      high, came_high, beyond = place - 1, came, -CLOSE / 2
    end
  end
  return low, high
end

local highest, lowest, _ = last, first
if before ~= '' then _, highest = around(tonumber(before)) end
if after ~= '' then lowest = around(tonumber(after)) + 1 end
for _, seq in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], from, to)) do
  highest = math.max(highest, tonumber(seq))
  lowest = math.min(lowest, tonumber(seq))
end
return {string.format('%d', highest), string.format('%d', lowest)}
