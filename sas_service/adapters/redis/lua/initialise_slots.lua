-- Gives an account its first epoch and key, and each profile that has none its first identity.
-- KEYS: slots. ARGV: key, then field and identity of each profile
redis.call('HSETNX', KEYS[1], 'epoch', '1')
redis.call('HSETNX', KEYS[1], 'signingKey', ARGV[1])
for i = 2, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('HGETALL', KEYS[1])
