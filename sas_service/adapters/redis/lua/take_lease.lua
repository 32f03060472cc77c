-- Gives the lease to ``holder``, or prolongs it if it is the holder's own; answers with its fence, or with nothing.
-- KEYS: lease. ARGV: holder, length in ms
local holder, length = ARGV[1], tonumber(ARGV[2])
local now = server_ms()
local stored = redis.call('HMGET', KEYS[1], 'holder', 'until', 'fence')
local fence = stored[3]
if stored[2] and tonumber(stored[2]) > now then
  if stored[1] ~= holder then return '' end
else
  fence = next_fence(KEYS[1], now)
end
redis.call('HSET', KEYS[1], 'holder', holder, 'until', string.format('%.0f', now + length))
return fence
