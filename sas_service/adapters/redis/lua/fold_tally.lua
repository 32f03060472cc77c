-- Turns the count of one token, caller and minute into an event, and forgets the minute with its last count.
-- KEYS: tally, minutes, 8 event keys. ARGV: field, minute, and the event
local event = event_of_call()
local count = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[2]) end
if not count then return {} end
return {append_event(event, count)}
