-- Remembers the first word for a replaced token. KEYS: acknowledgements. ARGV: replaced token, JSON
return redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
