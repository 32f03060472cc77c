-- Ends the minute of one fold: writes what was counted and begins another minute, or forgets a fold without any.
-- KEYS: folds due, folds, 8 event keys
local digest, now, window = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local event = event_of_call()

local due = redis.call('ZSCORE', KEYS[1], digest)
if not due or now < tonumber(due) then return {} end
local count = tonumber(redis.call('HGET', KEYS[2], 'n:' .. digest) or '0')
redis.call('HDEL', KEYS[2], 'n:' .. digest, 'd:' .. digest)
if count == 0 then
  redis.call('ZREM', KEYS[1], digest)
  return {}
end
redis.call('ZADD', KEYS[1], now + window, digest)
return {append_event(event, string.format('%d', count))}
