-- Puts on record, once, that a token has expired, and notes how far the expiries of its slot are on record.
-- KEYS: marks, 8 event keys. ARGV: slot, ms of expiry, suffix, how the event's text begins, then the event
local slot, ms, suffix, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local event = event_of_call()
-- Marks are gone after a repair; the events that were written before are not.
local answer = written_before(event, kind, kind) and {'STANDS'} or {'DONE', append_event(event)}
local at, last = string.match(redis.call('HGET', KEYS[1], slot) or '0 ', '^(%d+) (.*)$')
-- A worker that was paused comes late.
if tonumber(ms) > tonumber(at) or (tonumber(ms) == tonumber(at) and suffix > last) then
  redis.call('HSET', KEYS[1], slot, ms .. ' ' .. suffix)
end
return answer
