-- Moves an account to its next slots: key and identities change and the epoch counts up, all or nothing.
-- KEYS: slots, lease. ARGV: epoch before, epoch after, fence, then fields and values as they are to be
local before, after, fence = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', KEYS[2], 'fence') ~= fence then return {'LEASE'} end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return {'UNKNOWN'} end

-- An earlier run of this very switch, whose reply was lost.
local is_done = epoch == after
for i = 4, #ARGV, 2 do is_done = is_done and redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] end
if is_done then return {'DONE', redis.call('HGETALL', KEYS[1])} end
if epoch ~= before then return {'EPOCH'} end

redis.call('HSET', KEYS[1], 'epoch', after)
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return {'DONE', redis.call('HGETALL', KEYS[1])}
