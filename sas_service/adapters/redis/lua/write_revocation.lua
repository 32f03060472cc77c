-- Writes an entry of the journal, and with it the last one of the run that it adopts, if nobody wrote meanwhile.
-- KEYS: entries, order, running, lease
-- ARGV: verb, id, revision it was read with, text, '1' if it holds its account, fence or '', and of the adopted run
-- its id or '', revision and text
local verb, id, known, text, open, fence = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1', ARGV[6]
local adopted, adopted_known, adopted_text = ARGV[7], ARGV[8], ARGV[9]

local function is_newest(entry, revision)
  return (string.match(redis.call('HGET', KEYS[1], entry) or '', '^{"revision":(%d+),') or '0') == revision
end

-- First of all: whoever lost the account must hear it, also when repeating what was written before.
if fence ~= '' and redis.call('HGET', KEYS[4], 'fence') ~= fence then return {'LEASE'} end
local stored = redis.call('HGET', KEYS[1], id)
if stored == text then return {'DONE'} end
if not stored and verb ~= 'add' then return {'UNKNOWN'} end

local running = redis.call('GET', KEYS[3]) or ''
local is_taken = running ~= '' and running ~= adopted and (verb == 'start' or running ~= id)
if open and is_taken then return {'RUNNING', running} end
if not is_newest(id, known) then return {'REVISION'} end

if adopted ~= '' then
  if not is_newest(adopted, adopted_known) then return {'REVISION'} end
  redis.call('HSET', KEYS[1], adopted, adopted_text)
  next_fence(KEYS[4], server_ms())
  redis.call('HDEL', KEYS[4], 'holder', 'until')
end
if not stored then
  -- Not the count: entries are forgotten, and then it would name a place twice.
  local newest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  redis.call('ZADD', KEYS[2], tonumber(newest[2] or '0') + 1, id)
end
redis.call('HSET', KEYS[1], id, text)
if open then
  redis.call('SET', KEYS[3], id)
elseif running == id then
  redis.call('DEL', KEYS[3])
end
return {'DONE'}
