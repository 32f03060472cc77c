-- Reads the entry of the run that holds the account. KEYS: entries, running
local running = redis.call('GET', KEYS[2])
return running and redis.call('HGET', KEYS[1], running)
