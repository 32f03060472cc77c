-- Replaces an account's copy of the list, unless it has a newer one. Says which version it had before, and whether
-- it knew ``field``.
-- KEYS: copy. ARGV: version, field, then the fields and values of the list
local version, field = tonumber(ARGV[1]), ARGV[2]
local had = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
local knew = redis.call('HEXISTS', KEYS[1], field)
if had < version then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'version', version)
  for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return {tostring(had), tostring(knew)}
