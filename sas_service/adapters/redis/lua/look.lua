-- Looks through a part of a stream, newest first, and tells of each event only what a list needs.
-- KEYS: stream. ARGV: newest and oldest wanted, how many at most, and of a chain the name of its pointer and the
-- pointer's place in an entry ('' and '' for none)
-- Answers with the numbers, the texts, and the pointers ('' where an entry has none).
local field, place = ARGV[4], tonumber(ARGV[5])
local numbers, texts, pointers = {}, {}, {}
for i, entry in ipairs(redis.call('XREVRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])) do
  local fields = entry[2]
  numbers[i], texts[i] = tonumber(string.match(entry[1], '^%d+')), fields[2]
  if place then pointers[i] = fields[place - 1] == field and fields[place] or '' end
end
return {numbers, texts, pointers}
