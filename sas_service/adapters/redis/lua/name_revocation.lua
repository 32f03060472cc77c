-- Notes on which account a revocation is, and answers with what stands. KEYS: accounts by revocation. ARGV: id, account
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
