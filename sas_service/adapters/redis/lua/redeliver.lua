-- Adds a fingerprint to a live record, if the record is still what the caller read.
-- KEYS: token, slots, fingerprints, 8 event keys
local suffix, expected, record, epoch, fingerprint = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local event = event_of_call()

local done = written_before(event, string.sub(event.draft, 2), event.short)
if done then return {'DONE', done} end

local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= expected then return {'CHANGED', stored} end
if (redis.call('HGET', KEYS[2], 'epoch') or '') ~= epoch then return {'EPOCH'} end

redis.call('SET', KEYS[1], record)
redis.call('HSET', KEYS[3], fingerprint, suffix)
return {'DONE', append_event(event)}
