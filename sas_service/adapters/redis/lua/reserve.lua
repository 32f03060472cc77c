-- Writes a record as reserved, with its event, if nothing speaks against it.
-- KEYS: token, open reservations, slots, suspended, slot index, slots used, idempotency, earlier token, the
-- budget's set, budgets, 8 event keys
local suffix, record, deadline, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local slot, expiry, issued, skew = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local team, client, profile = ARGV[9], ARGV[10], ARGV[11]
local verdict, seen, earlier, earlier_epoch, remember, ttl = ARGV[12], ARGV[13], ARGV[14], ARGV[15], ARGV[16], ARGV[17]
local place, weight, most_tokens, most_rate, budget = ARGV[18], ARGV[19], ARGV[20], ARGV[21], ARGV[22]
local budgeted = string.sub(profile, string.len('profile:') + 1)
local event = event_of_call()

if redis.call('EXISTS', KEYS[1]) == 1 then return {'STANDS'} end

local suspended = redis.call('HMGET', KEYS[4], team, client, profile)
for i = 1, 3 do
  if suspended[i] then return {'SUSPENDED', tostring(i)} end
end

if redis.call('HEXISTS', KEYS[3], 'frozen') == 1 then return {'LOCKED'} end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if math.abs(now - tonumber(issued)) > tonumber(skew) then return {'SKEW'} end

local current = redis.call('HGET', KEYS[3], 'epoch') or ''

-- The caller read the key and the record behind it and came to a verdict; it holds only if both are still the same.
if verdict ~= '' then
  if (redis.call('GET', KEYS[7]) or '') ~= seen then return {'CHANGED'} end
  if earlier ~= '' and (redis.call('GET', KEYS[8]) or '') ~= earlier then return {'CHANGED'} end
  if verdict == 'REPLAY' then return {current == earlier_epoch and 'REPLAY' or 'SUPERSEDED'} end
  if verdict ~= 'ANEW' then return {verdict} end
end

if current ~= epoch then return {'EPOCH'} end

-- What was issued before the profile had a budget is counted by the caller, once, and then he comes again.
if budget ~= '' and redis.call('HEXISTS', KEYS[10], budgeted .. ':counted') == 0 then return {'UNCOUNTED'} end
local is_over, tokens, rate = spend(
  KEYS[9], KEYS[10], budgeted, epoch, place, weight, expiry, now, most_tokens, most_rate, budget == 'STOPS'
)
if is_over and budget == 'STOPS' then return {'BUDGET', tostring(tokens), string.format('%d', rate)} end

redis.call('SET', KEYS[1], record)
redis.call('ZADD', KEYS[2], deadline, suffix)
redis.call('ZADD', KEYS[5], expiry, suffix)
redis.call('SADD', KEYS[6], slot)
if verdict ~= '' then redis.call('SET', KEYS[7], remember, 'PX', ttl) end
return {'RESERVED', append_event(event), is_over and 1 or 0}
