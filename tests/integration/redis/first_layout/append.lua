-- Appends an event; with a ``once`` key, only if it is not the last one used under its prefix.
-- KEYS: 4 event keys, once
local prefix, once = ARGV[1], ARGV[2]
if once ~= '' then
  if redis.call('HGET', KEYS[5], prefix) == once then return {} end
  redis.call('HSET', KEYS[5], prefix, once)
end
return {append_event(1, event_at(3))}
