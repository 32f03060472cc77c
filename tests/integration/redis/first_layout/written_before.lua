-- Finds the event that an earlier run of the same write left, when its reply was lost: one of the token's newest
-- events whose text, after the number, begins with (or is) ``body``. Returns false if there is none.
local function written_before(first, event, body)
  local seq = redis.call('HGET', KEYS[first + 3], event.token) or '0'
  for _ = 1, 16 do
    if seq == '0' then return false end
    local entry = redis.call('XRANGE', KEYS[first], seq .. '-0', seq .. '-0')[1]
    if not entry then return false end
    local text = entry[2][2]
    local head = string.len('{"stream":' .. event.stream .. ',"seq":' .. seq .. ',')
    if string.sub(text, head + 1, head + string.len(body)) == body then return {seq, text} end
    seq = entry[2][4]
  end
  return false
end
