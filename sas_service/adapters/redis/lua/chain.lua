-- Follows the chain of a team's or a token's events, newest first.
-- KEYS: stream, heads. ARGV: place of the pointer in an entry, name of the chain, position to begin at or '', count
local pointer, name, seq, count = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
if seq == '' then seq = redis.call('HGET', KEYS[2], name) or '0' end
local found = {}
while seq ~= '0' and #found < count do
  local entry = redis.call('XRANGE', KEYS[1], seq .. '-0', seq .. '-0')[1]
  if not entry then break end
  found[#found + 1] = {seq, entry[2][2], entry[2][pointer]}
  seq = entry[2][pointer]
end
return found
