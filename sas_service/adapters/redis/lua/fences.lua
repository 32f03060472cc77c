-- Shared by every script that gives out a fence.

local function server_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Gives out the next fence of a lease. It is never smaller than the time: a failover that lost the newest fences
-- cannot make one of them be given out again.
local function next_fence(lease, now)
  local last = tonumber(redis.call('HGET', lease, 'fence') or '0')
  local fence = string.format('%.0f', math.max(last + 1, now))
  redis.call('HSET', lease, 'fence', fence)
  return fence
end
