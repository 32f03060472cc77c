-- Gives a lease back, if its fence is the newest; the fence stays used. KEYS: lease. ARGV: fence
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'holder', 'until')
