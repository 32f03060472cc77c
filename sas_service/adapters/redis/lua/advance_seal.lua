-- Moves a stream's seal on and writes the new hashes, if nobody else has moved it. A hash has one place, so that a
-- repeated write changes nothing. KEYS: seal, tiles. ARGV: seal before, seal after, then offset and text of each tile
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
for i = 2, #KEYS do redis.call('SETRANGE', KEYS[i], ARGV[2 * i - 1], ARGV[2 * i]) end
redis.call('SET', KEYS[1], ARGV[2])
return 1
