-- Writes a lockdown, and freezes or frees its account in the same step.
-- KEYS: lockdowns, slots, lease
-- ARGV: verb, id, revision it was read with, text, '1' if it is over, fence or '', epoch that a new one was written for,
-- and of the one that it takes over from its id or '', revision and text
local verb, id, known, text, over, fence, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1', ARGV[6], ARGV[7]
local other, other_known, other_text = ARGV[8], ARGV[9], ARGV[10]

local function is_newest(entry, revision)
  return (string.match(redis.call('HGET', KEYS[1], entry) or '', '^{"revision":(%d+),') or '0') == revision
end

-- First of all: whoever lost the account must hear it, also when repeating what was written before.
if fence ~= '' and redis.call('HGET', KEYS[3], 'fence') ~= fence then return {'LEASE'} end
local stored = redis.call('HGET', KEYS[1], id)
local frozen = redis.call('HGET', KEYS[2], 'frozen') or ''

if verb == 'begin' then
  -- An earlier run of this very begin, whose reply was lost; or somebody else's.
  if stored then return {'HELD', stored} end
  if frozen ~= '' and frozen ~= other then return {'HELD', redis.call('HGET', KEYS[1], frozen)} end
  local current = redis.call('HGET', KEYS[2], 'epoch')
  if not current then return {'UNKNOWN'} end
  if current ~= epoch then return {'EPOCH'} end
  if other ~= '' then
    if not is_newest(other, other_known) then return {'REVISION'} end
    redis.call('HSET', KEYS[1], other, other_text)
  end
  redis.call('HSET', KEYS[2], 'epoch', string.format('%.0f', tonumber(current) + 1), 'frozen', id)
  next_fence(KEYS[3], server_ms())
  redis.call('HDEL', KEYS[3], 'holder', 'until')
else
  if stored ~= text and not is_newest(id, known) then return {'REVISION'} end
  if over and frozen == id then redis.call('HDEL', KEYS[2], 'frozen') end
end
redis.call('HSET', KEYS[1], id, text)
return {'DONE'}
