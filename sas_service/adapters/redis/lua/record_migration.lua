-- Records a migration as done, if the runner still holds the lock. Never lowers a number.
-- KEYS: lock, applied, schema. ARGV: holder, name, number, minReader
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
redis.call('HSETNX', KEYS[2], ARGV[2], time[1])
for field, number in pairs({current = ARGV[3], minReader = ARGV[4]}) do
  if tonumber(redis.call('HGET', KEYS[3], field) or '0') < tonumber(number) then
    redis.call('HSET', KEYS[3], field, number)
  end
end
return 1
