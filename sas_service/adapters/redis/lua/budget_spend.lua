-- Counts a token of ``epoch`` against the budget of its profile, if that was ever asked for. Returns whether it is
-- overdrawn with it, how many tokens and how many requests per second there would be. Nothing is added where ``stops``.
local function spend(set, sums, profile, epoch, place, weight, expiry, now, most_tokens, most_rate, stops)
  if redis.call('HEXISTS', sums, profile) == 0 then return false end
  -- A switch begins anew: what was signed before it is on its way out.
  if redis.call('HGET', sums, profile .. ':epoch') ~= epoch then
    redis.call('DEL', set)
    redis.call('HSET', sums, profile, 0, profile .. ':epoch', epoch)
  end
  for _ = 1, 20 do
    local gone = redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 500)
    if #gone == 0 then break end
    local sum = 0
    for _, member in ipairs(gone) do sum = sum + tonumber(string.match(member, ':(%d+)$')) end
    redis.call('ZREM', set, unpack(gone))
    redis.call('HINCRBY', sums, profile, string.format('%d', -sum))
  end
  local tokens = redis.call('ZCOUNT', set, '(' .. string.format('%d', now), '+inf') + 1
  local rate = tonumber(redis.call('HGET', sums, profile)) + tonumber(weight)
  local is_over = (most_tokens ~= '' and tokens > tonumber(most_tokens)) or (most_rate ~= '' and rate > tonumber(most_rate))
  if not (is_over and stops) then
    redis.call('ZADD', set, expiry, place)
    redis.call('HINCRBY', sums, profile, weight)
  end
  return is_over, tokens, rate
end
