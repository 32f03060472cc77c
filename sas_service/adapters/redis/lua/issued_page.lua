-- Reads one page of a sorted set by (score, member), newest first, strictly before a position.
-- Ties at the position's score are cut by a binary search over their ranks, so that a page costs the same however
-- many tokens were issued in one millisecond.
-- KEYS: sorted set. ARGV: count, score of the position ('' for the first page), member, whether it is itself included
local count, score, member, included = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4] == '1'
local first = 0
if score ~= '' then
  first = redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')
  local last = first + redis.call('ZCOUNT', KEYS[1], score, score)
  while first < last do
    local middle = math.floor((first + last) / 2)
    local there = redis.call('ZREVRANGE', KEYS[1], middle, middle)[1]
    if there < member or (included and there == member) then last = middle else first = middle + 1 end
  end
end
return redis.call('ZREVRANGE', KEYS[1], first, first + count - 1, 'WITHSCORES')
