-- Gives up a lock that is still ours. KEYS: lock. ARGV: holder
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
