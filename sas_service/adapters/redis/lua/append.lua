-- Appends an event; with a ``once`` key, only if it is not the last one used under its prefix.
-- KEYS: once, 8 event keys
local prefix, once = ARGV[1], ARGV[2]
if once ~= '' then
  if redis.call('HGET', KEYS[1], prefix) == once then return {} end
  redis.call('HSET', KEYS[1], prefix, once)
end
return {append_event(event_of_call())}
