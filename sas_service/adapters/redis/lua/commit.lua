-- Turns an open reservation into a live token and indexes it, and notes on the token that it replaces that it does.
-- KEYS: token, open reservations, slots, fingerprints, those of its team and profile, pairs of both, those of its
-- class of lifetimes, classes, those of its application, those of its object id, applications, first layout's list,
-- replaced token, hash with the head of its chain, 8 event keys
local suffix, record, epoch, fingerprint, issued = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local kind, pair, class, application, object, for_itself = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local layout, verdict, seen, changed = ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local event = event_of_call()
-- What the replaced token's own chain is told: by the same caller, at the same instant, with the same dictionary.
local replaced = {words = {}, stream = event.stream, draft = ARGV[16], short = ARGV[17], at = event.at, team = ARGV[18],
  token = ARGV[19], application = event.application, object = event.object, revocation = ''}
local REPLACED = '"kind":"replaced",'

if not redis.call('ZSCORE', KEYS[2], suffix) then
  local done = redis.call('GET', KEYS[1]) == record and written_before(event, kind, kind)
  if not done then return {'CONFLICT'} end
  -- Both were written in one step: if it replaced a token, the next event says so.
  local next = string.format('%d', tonumber(done[1]) + 1)
  local entry = entry_of(next)
  if not says(entry, event, next, REPLACED, REPLACED) then return {'DONE', done} end
  return {'DONE', done, {next, entry[2][2]}}
end
if (redis.call('HGET', KEYS[3], 'epoch') or '') ~= epoch then return {'EPOCH'} end

-- The caller read the record and came to a verdict; it holds only if the record is still the same. What replaced it
-- until now needs no second look: it may only have ceased to be live meanwhile.
if verdict ~= '' then
  if (redis.call('GET', KEYS[13]) or '') ~= seen then return {'CHANGED'} end
  if verdict ~= 'REPLACES' then return {'REPLACED'} end
  redis.call('SET', KEYS[13], changed)
end

redis.call('SET', KEYS[1], record)
redis.call('ZREM', KEYS[2], suffix)
redis.call('HSET', KEYS[4], fingerprint, suffix)
redis.call('ZADD', KEYS[5], issued, suffix)
redis.call('SADD', KEYS[6], pair)
redis.call('ZADD', KEYS[7], issued, suffix)
redis.call('SADD', KEYS[8], class)
if application ~= '' then redis.call('ZADD', KEYS[9], issued, suffix) end
-- An application's own object id leads to its list; a user has one of his own.
local leads = false
if object ~= '' and for_itself == '1' then
  redis.call('HSETNX', KEYS[11], object, application)
  leads = redis.call('HGET', KEYS[11], object) == application
end
if object ~= '' and not leads then redis.call('ZADD', KEYS[10], issued, suffix) end
if layout == '1' then redis.call('ZADD', KEYS[12], issued, suffix) end
local issued_event = append_event(event)
if verdict == '' then return {'DONE', issued_event} end
return {'DONE', issued_event, append_event(replaced, nil, KEYS[14])}
