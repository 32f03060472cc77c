-- Follows one chain of events, newest first.
-- KEYS: stream, heads, chains, last number
-- ARGV: place of the pointer in an entry, name of the chain, number to begin at or '' for the head, count, '1' if the
-- first release kept this chain, too, largest number wanted or '', how many larger ones may be passed over
-- Answers with the entries found and the number to go on with: 0 at the end; negative where the chain cannot lead on,
-- and the next event has to be looked for, from there on downwards.
local pointer, name, seq, count, complete = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local highest, passed = tonumber(ARGV[6]), tonumber(ARGV[7])
local since = 0
if not complete then
  local kept = redis.call('HMGET', KEYS[3], 'last', 'since')
  local newest = redis.call('GET', KEYS[4]) or '0'
  since = (kept[1] or '0') == newest and tonumber(kept[2] or '0') or tonumber(newest)
end
local function entry_at(at) return redis.call('XRANGE', KEYS[1], at .. '-0', at .. '-0')[1] end
local function number(at) return string.format('%d', at) end

local at = tonumber(seq ~= '' and seq or redis.call('HGET', KEYS[2], name) or '0')
if seq ~= '' and at <= since then return {{}, number(-at)} end
while highest and at > highest and at > since and passed > 0 do
  local entry = entry_at(at)
  at = entry and tonumber(entry[2][pointer] or '0') or 0
  passed = passed - 1
end
if highest and at > highest then return {{}, number(-highest)} end

local found = {}
while at > since and #found < count do
  local entry = entry_at(at)
  -- What lies further back was removed.
  if not entry then return {found, '0'} end
  found[#found + 1] = {number(at), entry[2][2]}
  at = tonumber(entry[2][pointer] or '0')
end
if at <= since then at = -(highest and math.min(since, highest) or since) end
return {found, number(at)}
