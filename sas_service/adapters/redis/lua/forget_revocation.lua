-- Removes an entry of the journal, if nobody wrote to it meanwhile and it does not hold its account.
-- KEYS: entries, order, running. ARGV: id, revision it was read with
local id, known = ARGV[1], ARGV[2]
local stored = redis.call('HGET', KEYS[1], id)
if not stored then return {'DONE'} end
if redis.call('GET', KEYS[3]) == id then return {'REVISION'} end
if string.match(stored, '^{"revision":(%d+),') ~= known then return {'REVISION'} end
redis.call('ZREM', KEYS[2], id)
redis.call('HDEL', KEYS[1], id)
return {'DONE'}
