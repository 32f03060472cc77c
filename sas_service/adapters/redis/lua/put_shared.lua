-- Makes a token the current one and ends the flight that brought it; not if the account's epoch, or the generation of
-- its key, is another one than when the flight began.
-- KEYS: flight, current, slots. ARGV: fence, epoch, instant in ms after which it is of no use, then fields and values
local flight = redis.call('HMGET', KEYS[1], 'fence', 'generation')
if flight[1] ~= ARGV[1] then return 'LEASE' end
local slots = redis.call('HMGET', KEYS[3], 'epoch', 'generation')
local generation = slots[2] or ''
if slots[1] ~= ARGV[2] or (flight[2] or '') ~= generation then
  redis.call('HDEL', KEYS[1], 'holder', 'until')
  return 'EPOCH'
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'generation', generation)
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIREAT', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[1], 'holder', 'until')
return 'DONE'
