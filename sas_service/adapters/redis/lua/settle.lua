-- Closes a record as abandoned or refused, if it is still what the caller read.
-- KEYS: token, open reservations, slot index, the budget's set, budgets, 8 event keys
local suffix, expected, record, refused = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local profile, place, weight = ARGV[5], ARGV[6], ARGV[7]
local event = event_of_call()

local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= expected then return {'CHANGED', stored} end

redis.call('SET', KEYS[1], record)
redis.call('ZREM', KEYS[2], suffix)
-- A refused token never existed at Azure; an abandoned one may, and hangs on its slot until it expires.
if refused == '1' then redis.call('ZREM', KEYS[3], suffix) end
if redis.call('ZREM', KEYS[4], place) == 1 then redis.call('HINCRBY', KEYS[5], profile, '-' .. weight) end
return {'DONE', append_event(event)}
