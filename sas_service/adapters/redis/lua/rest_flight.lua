-- Ends a flight that brought nothing: nobody may try again for a while. KEYS: flight. ARGV: fence, length in ms
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'holder', '', 'until', string.format('%.0f', server_ms() + tonumber(ARGV[2])))
