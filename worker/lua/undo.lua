#!lua flags=allow-oom
-- Put back what was in a queue, in front of what came meanwhile. KEYS: the queue, undo:…, stat:ledger.
-- ARGV: how many jobs to move at most. What came meanwhile is moved, since it is less: behind what was there, and then
-- all of it returns in one step. Until then it is kept without an end, and counted as deleted.
-- Returns {1 when there is more to move, how many jobs were there to put back}.
local there = redis.call('LLEN', KEYS[2])
if there == 0 then return {0, 0} end
redis.call('PERSIST', KEYS[2])
local moved = 0
while moved < tonumber(ARGV[1]) and redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT') do moved = moved + 1 end
local more = redis.call('EXISTS', KEYS[1])
if more == 0 then redis.call('RENAME', KEYS[2], KEYS[1]) end
local change = more == 1 and moved or -there
redis.call('HINCRBY', KEYS[3], 'fetched', change)
redis.call('HINCRBY', KEYS[3], 'deleted', change)
return {more, there}
