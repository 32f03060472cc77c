-- Gives the lease to ``holder``, or prolongs it if it is the holder's own; answers with its fence, or with nothing.
-- KEYS: lease. ARGV: holder, length in ms
local holder, length = ARGV[1], tonumber(ARGV[2])
local now = server_ms()

-- After a failover somebody may hold a lease that this server never heard of. So a server that is another one than at
-- the last look gives the lease to nobody before its longest time is over; holders stop by themselves within it.
local server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or ''
local known = redis.call('HGET', KEYS[1], 'server')
redis.call('HSET', KEYS[1], 'server', server)
if known and known ~= server then
  redis.call('HSET', KEYS[1], 'holder', '', 'until', string.format('%.0f', now + length))
  return ''
end

local stored = redis.call('HMGET', KEYS[1], 'holder', 'until', 'fence')
local fence = stored[3]
if stored[2] and tonumber(stored[2]) > now then
  if stored[1] ~= holder then return '' end
else
  fence = next_fence(KEYS[1], now)
end
redis.call('HSET', KEYS[1], 'holder', holder, 'until', string.format('%.0f', now + length))
return fence
