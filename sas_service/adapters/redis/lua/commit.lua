-- Turns an open reservation into a live token and indexes it, and notes on the token that it replaces that it does.
-- KEYS: token, open reservations, slots, fingerprints, all issued, those of its team and profile, pairs of both,
-- 4 event keys, replaced token
local suffix, record, epoch, fingerprint, issued = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local kind, pair = ARGV[6], ARGV[7]
local verdict, seen, changed = ARGV[8], ARGV[9], ARGV[10]
local event = event_at(11)

if not redis.call('ZSCORE', KEYS[2], suffix) then
  local done = redis.call('GET', KEYS[1]) == record and written_before(8, event, kind)
  if done then return {'DONE', done} end
  return {'CONFLICT'}
end
if (redis.call('HGET', KEYS[3], 'epoch') or '') ~= epoch then return {'EPOCH'} end

-- The caller read the record and came to a verdict; it holds only if the record is still the same. What replaced it
-- until now needs no second look: it may only have ceased to be live meanwhile.
if verdict ~= '' then
  if (redis.call('GET', KEYS[12]) or '') ~= seen then return {'CHANGED'} end
  if verdict ~= 'REPLACES' then return {'REPLACED'} end
  redis.call('SET', KEYS[12], changed)
end

redis.call('SET', KEYS[1], record)
redis.call('ZREM', KEYS[2], suffix)
redis.call('HSET', KEYS[4], fingerprint, suffix)
redis.call('ZADD', KEYS[5], issued, suffix)
redis.call('ZADD', KEYS[6], issued, suffix)
redis.call('SADD', KEYS[7], pair)
return {'DONE', append_event(8, event)}
