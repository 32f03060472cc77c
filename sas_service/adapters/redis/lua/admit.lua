-- Asks for a write to Azure, and reserves a token if it may be sent at once; otherwise nothing is looked at or written.
-- KEYS: the first 10 of reserve, 4 of arm_budget, 8 event keys. ARGV: 22 words of reserve, 13 of arm_budget, the event's
local allotted = ask({unpack(KEYS, 11, 14)}, {unpack(ARGV, 23, 35)})
if allotted[1] ~= 'GO' or tonumber(allotted[2]) > 0 then return {allotted} end
return {allotted, reserve(KEYS, ARGV)}
