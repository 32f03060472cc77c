-- Counts the generations of the active key that somebody else has ended while the epoch stayed. KEYS: slots
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'generation', 1) end
return 1
