-- Shared by every script that writes an event. Keys and arguments of the event are always the last ones of the call.
-- The very last argument is a number that the mirror has, or 0 where the stream was seen: a stream that ends before
-- it, or is not there, has lost something. -1 where the caller knows nothing of it.
local EVENT_KEY, EVENT_WORD = #KEYS - 7, #ARGV - 10
local LATE_MS = 120000

-- Returns the pieces that records and events of this call name, less those that are there already. They are written
-- with the event, and not before: what is refused leaves nothing.
local function missing_words(words)
  local names, pieces, missing = {}, {}, {}
  for part in string.gmatch(words, '[^\n]+') do
    local list = #names == #pieces and names or pieces
    list[#list + 1] = part
  end
  if #names == 0 then return missing end
  local known = redis.call('HMGET', KEYS[EVENT_KEY + 7], unpack(names))
  for i, name in ipairs(names) do
    if not known[i] then
      missing[#missing + 1] = name
      missing[#missing + 1] = pieces[i]
    elseif known[i] ~= pieces[i] then
      error('two pieces of one name')
    end
  end
  return missing
end

-- The event that the call brings with it. Called first of all, before any write: a later error would undo nothing.
local function event_of_call()
  local at = EVENT_WORD
  if tonumber(redis.call('GET', KEYS[EVENT_KEY + 1]) or '-1') < tonumber(ARGV[#ARGV]) then
    error({err = 'LOST events that the mirror has'})
  end
  return {words = missing_words(ARGV[at + 3]), stream = ARGV[at], draft = ARGV[at + 1], short = ARGV[at + 2], at = tonumber(ARGV[at + 4]), team = ARGV[at + 5],
    token = ARGV[at + 6], application = ARGV[at + 7], object = ARGV[at + 8], revocation = ARGV[at + 9]}
end

-- Moves the head of one chain to ``seq`` and returns where it was.
local function moved_head(key, field, seq)
  if field == '' then return '0' end
  local before = redis.call('HGET', key, field) or '0'
  redis.call('HSET', key, field, seq)
  return before
end

-- Appends an event. Each entry holds the text and, for each chain, the number of the event before it, so that the
-- events of a team, token, application, object id or revocation are found without an index that grows beside them.
-- XADD refuses any number that is not greater than the last: the stream cannot be written over.
-- ``heads``: the hash with the head of the token's chain, where it is not that of the call's own event.
local function append_event(event, count, heads)
  local stream, last, teams = KEYS[EVENT_KEY], KEYS[EVENT_KEY + 1], KEYS[EVENT_KEY + 2]
  local tokens = heads or KEYS[EVENT_KEY + 3]
  local chains, objects, late = KEYS[EVENT_KEY + 4], KEYS[EVENT_KEY + 5], KEYS[EVENT_KEY + 6]
  local before = redis.call('GET', last) or '0'
  local seq = tostring(tonumber(before) + 1)
  if #event.words > 0 then redis.call('HSET', KEYS[EVENT_KEY + 7], unpack(event.words)) end
  local counted = count and ('"count":' .. count .. ',') or ''
  local text = '{"stream":' .. event.stream .. ',"seq":' .. seq .. ',' .. counted .. string.sub(event.draft, 2)
  local stored = event.short == '' and text or ('~' .. counted .. event.short)

  -- Events of the first release are in no chain by caller or revocation: up to the last of them those are looked for.
  if before ~= '0' and redis.call('HGET', chains, 'last') ~= before then redis.call('HSET', chains, 'since', before) end
  local fields = {'e', stored,
    't', moved_head(tokens, event.token, seq), 'm', moved_head(teams, event.team, seq),
    'a', moved_head(chains, event.application ~= '' and ('a:' .. event.application) or '', seq),
    'o', moved_head(objects, event.object, seq),
    'r', moved_head(chains, event.revocation ~= '' and ('r:' .. event.revocation) or '', seq)}
  -- Searches by time believe the number; so what says another time is listed, and says when it really came.
  local now = tonumber(redis.call('TIME')[1])
  if math.abs(now * 1000 - event.at) > LATE_MS then
    redis.call('ZADD', late, event.at, seq)
    fields[#fields + 1] = 'l'
    fields[#fields + 1] = now
  end
  redis.call('XADD', stream, seq .. '-0', unpack(fields))
  redis.call('SET', last, seq)
  redis.call('HSET', chains, 'last', seq)
  return {seq, text}
end
