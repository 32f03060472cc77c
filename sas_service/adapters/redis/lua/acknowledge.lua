-- Remembers the first word for a replaced token, and forgets some that nobody needs any more.
-- KEYS: acknowledgements, when each is over. ARGV: replaced token, JSON, ms at which it is over or '', now in ms
local replaced, text, till, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
-- More go than come, so the hash holds no more than the unexpired tokens, soon after a wave of revocation.
local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)
if #over > 0 then
  redis.call('HDEL', KEYS[1], unpack(over))
  redis.call('ZREM', KEYS[2], unpack(over))
end
local is_new = redis.call('HSETNX', KEYS[1], replaced, text)
if is_new == 1 and till ~= '' then redis.call('ZADD', KEYS[2], till, replaced) end
return is_new
