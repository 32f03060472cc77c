-- Gives the lease to nobody for ``length``: who held one that was lost stops by himself within that time.
-- KEYS: lease. ARGV: length in ms
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[1], 'holder', '', 'until', string.format('%.0f', now + tonumber(ARGV[1])))
return 1
