-- Puts on record, once, that a token has expired, and notes how far the expiries of its slot are on record.
-- KEYS: marks, 8 event keys. ARGV: slot, ms of expiry, suffix, how the event's text begins, then the event
local slot, ms, suffix, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local event = event_of_call()
-- Another worker was here first: whatever else the token's chain was told since, as a shared one's hand-outs.
local at, last = string.match(redis.call('HGET', KEYS[1], slot) or '0 ', '^(%d+) (.*)$')
if tonumber(ms) < tonumber(at) or (tonumber(ms) == tonumber(at) and suffix <= last) then return {'STANDS'} end
redis.call('HSET', KEYS[1], slot, ms .. ' ' .. suffix)
-- Marks are gone after a repair; the events that were written before are not.
if written_before(event, kind, kind) then return {'STANDS'} end
return {'DONE', append_event(event)}
