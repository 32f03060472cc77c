-- Gives a stream that has no event yet the number 0, so that it is told from one that was flushed.
-- KEYS: last number
return redis.call('SETNX', KEYS[1], '0')
