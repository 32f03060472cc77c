-- Reads one page of a sorted set by (score, member), largest first, strictly before a position and within two bounds.
-- Ties at the position's score are cut by a binary search over their ranks, so that a page costs the same however
-- many tokens were issued in one millisecond.
-- KEYS: sorted set. ARGV: count, score of the position ('' for the first page), member, whether it is itself included,
-- largest and smallest score wanted ('+inf', '-inf')
local count, score, member, included = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4] == '1'
local highest, lowest = ARGV[5], ARGV[6]
local first = highest == '+inf' and 0 or redis.call('ZCOUNT', KEYS[1], '(' .. highest, '+inf')
if score ~= '' then
  local above = redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')
  local last = above + redis.call('ZCOUNT', KEYS[1], score, score)
  while above < last do
    local middle = math.floor((above + last) / 2)
    local there = redis.call('ZREVRANGE', KEYS[1], middle, middle)[1]
    if there < member or (included and there == member) then last = middle else above = middle + 1 end
  end
  first = math.max(first, above)
end
local last = first + count - 1
if lowest ~= '-inf' then last = math.min(last, redis.call('ZCOUNT', KEYS[1], lowest, '+inf') - 1) end
if last < first then return {} end
return redis.call('ZREVRANGE', KEYS[1], first, last, 'WITHSCORES')
