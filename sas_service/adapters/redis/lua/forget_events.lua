-- Takes the beginning of a stream away, with the chains that end in it, the fingerprints that it names, and what the
-- dictionary has of callers who are in no other event.
-- KEYS: stream, late, words, then the heads of each chain, then a hash for each fingerprint
-- ARGV: first number, last number, how many chains, then for each chain its name and its newest number here, how many
-- callers, then for each the name of his piece and the number of his chain, then for each fingerprint its two fields
-- and the token's suffix
local first, last, chains = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local CHAIN_KEY, CHAIN_WORD = 4, 4
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
oldest = oldest and tonumber(string.match(oldest[1], '^%d+'))
if not oldest or oldest > last then return 'GONE' end
if oldest < first then return 'LATER' end

-- The pieces that these entries name; an entry of the first layout names none.
local named = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], first .. '-0', last .. '-0')) do
  local text = entry[2][2]
  if string.sub(text, 1, 1) == '~' then
    for name in string.gmatch(text, '\1(' .. string.rep('.', 16) .. ')') do named[name] = true end
  end
end
redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%d-0', last + 1))
local numbers = {}
for seq = first, last do numbers[#numbers + 1] = string.format('%d', seq) end
redis.call('ZREM', KEYS[2], unpack(numbers))

-- A chain that goes on behind the last number ends where it points to what is gone; one that does not is forgotten.
for i = 0, chains - 1 do
  local key, name, seq = KEYS[CHAIN_KEY + i], ARGV[CHAIN_WORD + 2 * i], ARGV[CHAIN_WORD + 2 * i + 1]
  if redis.call('HGET', key, name) == seq then redis.call('HDEL', key, name) end
end

-- A caller's piece is named by his events and by the records of his tokens, whose first events are among these. So
-- where his chain has ended nothing names it; whoever writes it again brings it along.
local word = CHAIN_WORD + 2 * chains
local callers = tonumber(ARGV[word])
for i = 0, callers - 1 do
  local name, chain = ARGV[word + 1 + 2 * i], tonumber(ARGV[word + 2 + 2 * i])
  local is_over = redis.call('HEXISTS', KEYS[CHAIN_KEY + chain], ARGV[CHAIN_WORD + 2 * chain]) == 0
  if named[name] and is_over then redis.call('HDEL', KEYS[3], name) end
end
word = word + 1 + 2 * callers
for i = CHAIN_KEY + chains, #KEYS do
  local suffix = ARGV[word + 2]
  for _, field in ipairs({ARGV[word], ARGV[word + 1]}) do
    if redis.call('HGET', KEYS[i], field) == suffix then redis.call('HDEL', KEYS[i], field) end
  end
  word = word + 3
end
return 'DONE'
