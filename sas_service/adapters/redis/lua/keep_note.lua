-- Writes one of a worker's notes about an account, if its fence is the newest.
-- KEYS: notes, lease. ARGV: field, text, fence
if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[3] then return 'LEASE' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 'DONE'
