-- Finds the event that an earlier run of the same write left, when its reply was lost: one of the token's newest
-- events whose text, after the number, begins with (or is) ``body``, or ``short`` if it is packed. False if none is.
local function written_before(event, body, short)
  local seq = redis.call('HGET', KEYS[EVENT_KEY + 3], event.token) or '0'
  for _ = 1, 16 do
    if seq == '0' then return false end
    local entry = redis.call('XRANGE', KEYS[EVENT_KEY], seq .. '-0', seq .. '-0')[1]
    if not entry then return false end
    local text = entry[2][2]
    local head, wanted = string.len('{"stream":' .. event.stream .. ',"seq":' .. seq .. ','), body
    local packed = string.sub(text, 1, 1) == '~'
    if packed then head, wanted = 1, short end
    if wanted ~= '' and string.sub(text, head + 1, head + string.len(wanted)) == wanted then
      return {seq, text}
    end
    seq = entry[2][4]
  end
  return false
end
