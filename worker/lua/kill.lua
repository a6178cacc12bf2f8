#!lua flags=allow-oom
-- Move jobs to dead. KEYS: schedule or retry, dead, attempts, stat:ledger. ARGV: 1 if these jobs had been fetched,
-- attempts as JSON of those that never failed, jobs. Returns how many were there.
local moved, merged = 0, 0
for index = 3, #ARGV do
  if redis.call('ZREM', KEYS[1], ARGV[index]) == 1 then
    local _, message = queue_and_message(ARGV[index])
    -- The same message, byte for byte, can be dead already: a set holds it once.
    merged = merged + 1 - redis.call('ZADD', KEYS[2], now(), ARGV[index])
    redis.call('HSETNX', KEYS[3], id_of(message), ARGV[2])
    moved = moved + 1
  end
end
if ARGV[1] == '0' and moved > 0 then redis.call('HINCRBY', KEYS[4], 'fetched', moved) end
if merged > 0 then redis.call('HINCRBY', KEYS[4], 'deleted', merged) end
return moved
