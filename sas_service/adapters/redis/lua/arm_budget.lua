-- The ARM budget and a team's request quota in one look: domain/arm_budget.py, number by number, for all processes.
-- KEYS: bucket, promises by turn, use by team, quota of the team
local burst, rate, own, team = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local patience, spent = tonumber(ARGV[5]), tonumber(ARGV[6])
local remaining, age = tonumber(ARGV[7]), tonumber(ARGV[8])
local quota, per = tonumber(ARGV[9]), tonumber(ARGV[10])
local close_for, empty, now = tonumber(ARGV[11]), ARGV[12] == '1', tonumber(ARGV[13])
local SHARE, WINDOW, FAIR_MEMORY, ARRIVAL_MEMORY, FORGOTTEN, LONGEST = 0.1, 1.5, 10.0, 5.0, 0.05, 3600.0
local FEWEST = 0.5

if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local reserve = math.min(math.max(2.0, SHARE * rate * 10.0), SHARE * burst)
local period = math.max(4.0, 0.8 * burst / rate)
local promised = 0.6 * rate
local size = math.min(promised * period, 0.6 * burst)

local names = {'level', 'at', 'r1', 'r2', 'r3', 'closed', 'arrivals', 'arrivals_at', 'used_at', 'tail'}
local start = {burst, now, reserve, reserve, reserve, 0, 0, now, now, 0}
local b = {}
for i, value in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do
  b[names[i]] = tonumber(value or start[i])
end

local function write()
  local words = {}
  for _, name in ipairs(names) do
    words[#words + 1] = name
    words[#words + 1] = string.format('%.17g', b[name])
  end
  redis.call('HSET', KEYS[1], unpack(words))
end

local function whole_up(seconds) return math.max(1, math.ceil(seconds)) end

local gain = rate * math.max(0.0, now - b.at)
b.level = math.min(burst, b.level + gain)
for _, r in ipairs({'r1', 'r2', 'r3'}) do b[r] = math.min(reserve, b[r] + SHARE * gain) end
b.at = math.max(b.at, now)

b.level = math.min(burst, b.level - spent)
if remaining >= 0 then
  local most = remaining + rate * age
  if b.level > most + 1 then
    b.level = most
    for _, r in ipairs({'r1', 'r2', 'r3'}) do b[r] = math.min(b[r], SHARE * math.max(0.0, most)) end
  end
end

if close_for > 0 then
  b.closed = math.max(b.closed, b.at + close_for)
  if empty and b.level > 0 then b.level, b.r1, b.r2, b.r3 = 0.0, 0.0, 0.0, 0.0 end
end
-- Nobody asks: a process only told what it learnt.
if own < 0 then
  write()
  return {'LEARNT'}
end

local left, reset = -1, -1
if quota > 0 then
  local used = redis.call('INCR', KEYS[4])
  if used == 1 then redis.call('PEXPIRE', KEYS[4], per) end
  reset = redis.call('PTTL', KEYS[4])
  left = math.max(0, quota - used)
  if used > quota then
    write()
    return {'QUOTA', '0', 0, left, reset}
  end
end
-- A request that needs no write to Azure.
if rate == 0 then return {'GO', '0', 0, left, reset} end

if b.closed - b.at > 0 then
  write()
  return {'LATER', tostring(whole_up(b.closed - b.at)), 1, left, reset}
end

local turn = math.floor(b.at / period)
local answer

local function ask_reserved()
  local name = 'r' .. own
  local mine = b[name]
  if mine < 1 then
    local kept = b.r1 + b.r2 + b.r3
    local saved = 0.0
    if redis.call('HEXISTS', KEYS[2], turn) == 1 or redis.call('HEXISTS', KEYS[2], turn + 1) == 1 then saved = size end
    local interactive = math.max(saved, (1 - 3 * SHARE) * rate)
    if b.level - (kept - math.max(0.0, mine)) - interactive >= 1 then
      b.level = b.level - 1
      return {'GO', '0', 0, left, reset}
    end
  end
  local after = math.max(0.0, (1 - mine) / (SHARE * rate), (1 - b.level) / rate)
  if after > 0 then return {'LATER', tostring(whole_up(after)), 0, left, reset} end
  b.level = b.level - 1
  b[name] = mine - 1
  return {'GO', '0', 0, left, reset}
end

local function is_ahead()
  local fade = math.exp((b.used_at - b.at) / FAIR_MEMORY)
  local total, count, mine, gone, words = 0.0, 0, nil, {}, {}
  local found = redis.call('HGETALL', KEYS[3])
  local used = {}
  for i = 1, #found, 2 do used[#used + 1] = {found[i], tonumber(found[i + 1]) * fade} end
  table.sort(used, function(one, other) return one[1] < other[1] end)
  for _, each in ipairs(used) do
    if each[2] >= FORGOTTEN then
      total, count = total + each[2], count + 1
      if each[1] == team then mine = each[2] end
      words[#words + 1] = each[1]
      words[#words + 1] = string.format('%.17g', each[2])
    else
      gone[#gone + 1] = each[1]
    end
  end
  b.used_at = b.at
  if #gone > 0 then redis.call('HDEL', KEYS[3], unpack(gone)) end
  if #words > 0 then redis.call('HSET', KEYS[3], unpack(words)) end
  return mine ~= nil and mine >= total / count, mine or 0.0
end

local function promise()
  local places = math.max(1, math.floor(math.max(FEWEST * size, size - b.arrivals * WINDOW)))
  local last = math.floor((b.at + LONGEST) / period)
  local at = math.max(turn + 1, b.tail)
  if at == turn + 1 then
    -- It begins soon: only what lies in the bucket until then can be promised.
    local soon = b.level - (b.r1 + b.r2 + b.r3) + promised * ((turn + 1) * period - b.at)
    places = math.min(places, math.floor(soon - b.arrivals * WINDOW))
  end
  if at < last and tonumber(redis.call('HGET', KEYS[2], at) or '0') >= places then at = at + 1 end
  b.tail = at
  if redis.call('HINCRBY', KEYS[2], at, 1) == 1 then
    -- A new turn: those that are over go, and all of them where nobody asks any more.
    for _, each in ipairs(redis.call('HKEYS', KEYS[2])) do
      if tonumber(each) < turn then redis.call('HDEL', KEYS[2], each) end
    end
    redis.call('EXPIRE', KEYS[2], 2 * LONGEST)
  end
  return {'LATER', tostring(whole_up(at * period - b.at)), 0, left, reset}
end

local function ask_interactive()
  local here, following = unpack(redis.call('HMGET', KEYS[2], turn, turn + 1))
  local is_open = here and b.at < turn * period + WINDOW
  if not is_open then
    b.arrivals = b.arrivals * math.exp((b.arrivals_at - b.at) / ARRIVAL_MEMORY) + 1 / ARRIVAL_MEMORY
  end
  b.arrivals_at = b.at
  local ahead, mine = is_ahead()
  local saved, floor = 0.0, 0.0
  if not is_open and following then
    local needed = math.min(size, tonumber(following) + b.arrivals * WINDOW)
    saved = math.max(0.0, needed - promised * ((turn + 1) * period - b.at))
  end
  if not is_open and ahead then floor = math.min(0.5 * rate, 0.1 * burst) end
  local kept = b.r1 + b.r2 + b.r3
  local free = b.level - kept - saved - floor
  local after = math.max(0.0, (1 - free) / ((1 - 3 * SHARE) * rate))
  if after > 0 and (saved > 0 or after > patience) then return promise() end
  b.level = b.level - 1
  redis.call('HSET', KEYS[3], team, string.format('%.17g', mine + 1))
  return {'GO', string.format('%.17g', after), 0, left, reset}
end

if own == 0 then answer = ask_interactive() else answer = ask_reserved() end
write()
return answer
