-- Names the current shared token and counts that a caller got it; counts nothing if there is none for him.
-- KEYS: current, slots, suspended, tally of the minute, minutes with a tally
-- ARGV: team, client, profile, now in ms, id that the caller's process knows, id that it must be newer than, minute,
-- who it is, as the tally's field has it after the id
local suspended = redis.call('HMGET', KEYS[3], ARGV[1], ARGV[2], ARGV[3])
for i = 1, 3 do
  if suspended[i] then return {'SUSPENDED', tostring(i)} end
end

local current = redis.call('HMGET', KEYS[1], 'id', 'epoch', 'last', 'issued', 'used', 'generation')
local id = current[1]
if not id then return {'NONE', ''} end
-- An account in lockdown is frozen: nothing is handed out, and the reservation of a new token is refused.
local slots = redis.call('HMGET', KEYS[2], 'epoch', 'frozen', 'generation')
if slots[2] or current[2] ~= slots[1] or (current[6] or '') ~= (slots[3] or '') or tonumber(ARGV[4]) > tonumber(current[3]) then
  return {'NONE', id}
end
-- Ids are ordered by the time at which they were given out.
if ARGV[6] ~= '' and id <= ARGV[6] then return {'NONE', id, current[4]} end

if redis.call('HINCRBY', KEYS[4], id .. ARGV[8], 1) == 1 then redis.call('SADD', KEYS[5], ARGV[7]) end
if not current[5] then redis.call('HSET', KEYS[1], 'used', '1') end
if id == ARGV[5] then return {'SAME'} end
return {'CURRENT', redis.call('HMGET', KEYS[1], 'id', 'record', 'client', 'sealed', 'refresh', 'last')}
