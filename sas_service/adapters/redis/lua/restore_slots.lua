-- Makes the slots those of a later epoch; of the same one, adds what is not there; an earlier one changes nothing.
-- KEYS: slots. ARGV: epoch, then fields and values
local epoch = tonumber(ARGV[1])
local known = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if known > epoch then return 0 end
local command = known == epoch and 'HSETNX' or 'HSET'
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
for i = 2, #ARGV, 2 do redis.call(command, KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
