-- Gives one process the right to make the next shared token, unless there is one already that it has not seen.
-- KEYS: flight, current, slots. ARGV: holder, length in ms, id that was seen ('' for none)
local length = tonumber(ARGV[2])
if (redis.call('HGET', KEYS[2], 'id') or '') ~= ARGV[3] then return {'CHANGED'} end

local now = server_ms()
local stored = redis.call('HMGET', KEYS[1], 'holder', 'until')
local left = (tonumber(stored[2] or '0') or 0) - now
if left > 0 then return {stored[1] == '' and 'RESTS' or 'BUSY', string.format('%.0f', left)} end

local fence = next_fence(KEYS[1], now)
-- What is signed from here on is signed by the key generation of here or by a later one.
local generation = redis.call('HGET', KEYS[3], 'generation') or ''
local ends = string.format('%.0f', now + length)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', ends, 'generation', generation)
-- A fence is never smaller than the time, so it may be forgotten when nobody can hold it any more.
redis.call('PEXPIRE', KEYS[1], length + 3600000)
return {'TAKEN', fence}
