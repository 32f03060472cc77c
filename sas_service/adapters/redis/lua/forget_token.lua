-- Takes a closed token's record away with everything that leads to it, if it is still what the caller read.
-- KEYS: token, open reservations, slot index, slots used, those of its team and profile, pairs of both, those of its
-- class of lifetimes, classes, those of its application, applications, those of its object id, first layout's list,
-- acknowledgements, when each is over, then a hash for each of its fingerprints
-- ARGV: suffix, record, slot, pair, class, object id of an application that asked for itself or '', application, token
-- id, then for each fingerprint its two fields
local suffix, expected, slot, pair, class = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local object, application, id = ARGV[6], ARGV[7], ARGV[8]
local FINGERPRINT_KEY, FINGERPRINT_WORD = 15, 9

local stored = redis.call('GET', KEYS[1])
if not stored then return 'GONE' end
if stored ~= expected then return 'CHANGED' end
if redis.call('ZSCORE', KEYS[2], suffix) then return 'OPEN' end

-- Leaves a list, and forgets its name where it was the last one: the next token of that kind brings the name back.
local function leave(list, names, name)
  redis.call('ZREM', list, suffix)
  if redis.call('EXISTS', list) == 0 then redis.call('SREM', names, name) end
end
leave(KEYS[3], KEYS[4], slot)
leave(KEYS[5], KEYS[6], pair)
leave(KEYS[7], KEYS[8], class)
redis.call('ZREM', KEYS[9], suffix)
local leads = object ~= '' and redis.call('HGET', KEYS[10], object) == application
if leads and redis.call('EXISTS', KEYS[9]) == 0 then redis.call('HDEL', KEYS[10], object) end
redis.call('ZREM', KEYS[11], suffix)
redis.call('ZREM', KEYS[12], suffix)

for i = 0, #KEYS - FINGERPRINT_KEY do
  for word = FINGERPRINT_WORD + 2 * i, FINGERPRINT_WORD + 2 * i + 1 do
    local key, field = KEYS[FINGERPRINT_KEY + i], ARGV[word]
    if redis.call('HGET', key, field) == suffix then redis.call('HDEL', key, field) end
  end
end

-- Words for replaced tokens are forgotten as ``acknowledge`` does, when both tokens have expired.
if not redis.call('ZSCORE', KEYS[14], id) then redis.call('HDEL', KEYS[13], id) end
local over = redis.call('ZRANGEBYSCORE', KEYS[14], '-inf', redis.call('TIME')[1] .. '000', 'LIMIT', 0, 100)
if #over > 0 then
  redis.call('HDEL', KEYS[13], unpack(over))
  redis.call('ZREM', KEYS[14], unpack(over))
end
redis.call('DEL', KEYS[1])
return 'DONE'
