-- Whether an entry is there and its text, after the number, begins with (or is) ``body``, or ``short`` if it is packed.
local function says(entry, event, seq, body, short)
  if not entry then return false end
  local text = entry[2][2]
  local head, wanted = string.len('{"stream":' .. event.stream .. ',"seq":' .. seq .. ','), body
  local packed = string.sub(text, 1, 1) == '~'
  if packed then head, wanted = 1, short end
  return wanted ~= '' and string.sub(text, head + 1, head + string.len(wanted)) == wanted
end

local function entry_of(seq)
  return redis.call('XRANGE', KEYS[EVENT_KEY], seq .. '-0', seq .. '-0')[1]
end

-- Finds the event that an earlier run of the same write left, when its reply was lost: one of the token's newest
-- events that ``says`` this. False if none is.
local function written_before(event, body, short)
  local seq = redis.call('HGET', KEYS[EVENT_KEY + 3], event.token) or '0'
  for _ = 1, 16 do
    if seq == '0' then return false end
    local entry = entry_of(seq)
    if not entry then return false end
    if says(entry, event, seq, body, short) then return {seq, entry[2][2]} end
    seq = entry[2][4]
  end
  return false
end
