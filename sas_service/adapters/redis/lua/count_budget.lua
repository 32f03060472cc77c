-- Counts tokens that were issued before their profile had a budget; each once, however often it is told.
-- KEYS: the budget's set, budgets
local profile, epoch, is_all = ARGV[1], ARGV[2], ARGV[3]

redis.call('HSETNX', KEYS[2], profile, 0)
redis.call('HSETNX', KEYS[2], profile .. ':epoch', epoch)
if redis.call('HGET', KEYS[2], profile .. ':epoch') == epoch then
  for at = 4, #ARGV, 2 do
    if redis.call('ZADD', KEYS[1], 'NX', ARGV[at + 1], ARGV[at]) == 1 then
      redis.call('HINCRBY', KEYS[2], profile, string.match(ARGV[at], ':(%d+)$'))
    end
  end
end
if is_all == '1' then redis.call('HSET', KEYS[2], profile .. ':counted', 1) end
return 'DONE'
