-- Appends an event that the mirror has under the number that it has there: only the next one, and never a second time.
-- KEYS: 8 event keys. ARGV: number, then the event without stream and number
local wanted = tonumber(ARGV[1])
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if last >= wanted then return {'STANDS'} end
if last + 1 ~= wanted then return {'GAP'} end
return {'DONE', append_event(event_of_call())}
