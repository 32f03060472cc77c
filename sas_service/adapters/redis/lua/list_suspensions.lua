-- Changes the service's list of suspensions and returns it whole, with a version that grows with each change.
-- KEYS: list. ARGV: what to do ('put', 'delete' or 'raise'), least version, field, JSON
local verb, least, field, json = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local there = redis.call('HEXISTS', KEYS[1], field)
local changed = (verb == 'put' and there == 0) or (verb == 'delete' and there == 1)
if verb == 'put' then redis.call('HSET', KEYS[1], field, json) end
if verb == 'delete' then redis.call('HDEL', KEYS[1], field) end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0') + 1
if version < least then version = least end
redis.call('HSET', KEYS[1], 'version', version)
return {changed and '1' or '0', redis.call('HGETALL', KEYS[1])}
