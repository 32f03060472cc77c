-- Drops one of a worker's notes about an account. KEYS: notes. ARGV: field
return redis.call('HDEL', KEYS[1], ARGV[1])
