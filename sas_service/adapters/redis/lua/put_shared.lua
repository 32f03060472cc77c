-- Makes a token the current one and ends the flight that brought it.
-- KEYS: flight, current, slots. ARGV: fence, epoch, instant in ms after which it is of no use, then fields and values
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 'LEASE' end
if redis.call('HGET', KEYS[3], 'epoch') ~= ARGV[2] then
  redis.call('HDEL', KEYS[1], 'holder', 'until')
  return 'EPOCH'
end
redis.call('DEL', KEYS[2])
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIREAT', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[1], 'holder', 'until')
return 'DONE'
