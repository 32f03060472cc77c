-- Turns an open reservation into a live token and indexes it.
-- KEYS: token, open reservations, slots, fingerprints, issued, of the team, of the profile, 4 event keys
local suffix, record, epoch, fingerprint, issued, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local event = event_at(7)

if not redis.call('ZSCORE', KEYS[2], suffix) then
  local done = redis.call('GET', KEYS[1]) == record and written_before(8, event, kind)
  if done then return {'DONE', done} end
  return {'CONFLICT'}
end
if (redis.call('HGET', KEYS[3], 'epoch') or '') ~= epoch then return {'EPOCH'} end

redis.call('SET', KEYS[1], record)
redis.call('ZREM', KEYS[2], suffix)
redis.call('HSET', KEYS[4], fingerprint, suffix)
for i = 5, 7 do redis.call('ZADD', KEYS[i], issued, suffix) end
return {'DONE', append_event(8, event)}
