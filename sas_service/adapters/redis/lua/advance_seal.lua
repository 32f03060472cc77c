-- Moves a stream's seal on and writes the new hashes, if nobody else has moved it. A hash has one place, so that a
-- repeated write changes nothing. KEYS: seal, tiles. ARGV: seal before, seal after, then offset and text of each tile
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
local FULL = 256 * 43
for i = 2, #KEYS do
  local length = redis.call('SETRANGE', KEYS[i], ARGV[2 * i - 1], ARGV[2 * i])
  -- A string that grows has room for as much again: one that is full gives it back.
  if length == FULL then redis.call('SET', KEYS[i], redis.call('GET', KEYS[i])) end
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
