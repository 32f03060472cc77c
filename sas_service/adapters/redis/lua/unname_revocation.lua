-- Forgets on which account a revocation was. KEYS: accounts by revocation. ARGV: id
return redis.call('HDEL', KEYS[1], ARGV[1])
