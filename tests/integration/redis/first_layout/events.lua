-- Shared by every script that writes an event.

-- Appends an event to the stream whose keys stand in KEYS from ``first`` on: the stream, its last number, the heads
-- of the teams' chains, the heads of the tokens' chains. Each entry holds the text and, for each chain, the number
-- of the event before it, so that the events of a team or a token are found without an index that grows beside them.
-- XADD refuses any number that is not greater than the last: the stream cannot be written over.
local function append_event(first, event, count)
  local seq = tonumber(redis.call('GET', KEYS[first + 1]) or '0') + 1
  local counted = count and ('"count":' .. count .. ',') or ''
  local text = '{"stream":' .. event.stream .. ',"seq":' .. seq .. ',' .. counted .. string.sub(event.draft, 2)
  local before_of_token, before_of_team = '0', '0'
  if event.token ~= '' then before_of_token = redis.call('HGET', KEYS[first + 3], event.token) or '0' end
  if event.team ~= '' then before_of_team = redis.call('HGET', KEYS[first + 2], event.team) or '0' end
  redis.call('XADD', KEYS[first], seq .. '-0', 'e', text, 't', before_of_token, 'm', before_of_team)
  redis.call('SET', KEYS[first + 1], seq)
  if event.token ~= '' then redis.call('HSET', KEYS[first + 3], event.token, seq) end
  if event.team ~= '' then redis.call('HSET', KEYS[first + 2], event.team, seq) end
  return {tostring(seq), text}
end

-- Reads the four arguments that make an event, from ARGV[first] on.
local function event_at(first)
  return {stream = ARGV[first], draft = ARGV[first + 1], team = ARGV[first + 2], token = ARGV[first + 3]}
end
