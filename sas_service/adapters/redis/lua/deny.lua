-- Records a denial: the first of its kind at once, further ones only counted until their minute is over.
-- KEYS: folds due, folds, 8 event keys
local digest, now, window, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local event = event_of_call()

-- Beyond ``most`` different ones, all new ones are one kind: an attacker who varies his requests fills no memory.
local due = redis.call('ZSCORE', KEYS[1], digest)
if not due and redis.call('ZCARD', KEYS[1]) >= most then
  digest = 'overflow'
  due = redis.call('ZSCORE', KEYS[1], digest)
end

if due and now < tonumber(due) then
  redis.call('HINCRBY', KEYS[2], 'n:' .. digest, 1)
  redis.call('HSET', KEYS[2], 'd:' .. digest, event.draft)
  return {}
end
local count = tonumber(redis.call('HGET', KEYS[2], 'n:' .. digest) or '0') + 1
redis.call('ZADD', KEYS[1], now + window, digest)
redis.call('HDEL', KEYS[2], 'n:' .. digest, 'd:' .. digest)
return {append_event(event, string.format('%d', count))}
