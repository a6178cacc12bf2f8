#!lua flags=allow-oom
-- Run jobs now, whatever they wait for. KEYS: schedule, retry or dead; attempts, stat:ledger.
-- ARGV: 1 if these jobs had been fetched, jobs. Returns how many were there.
local moved = 0
for index = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[index]) then
    local queue, message = queue_and_message(ARGV[index])
    redis.call('LPUSH', queue, message)
    redis.call('ZREM', KEYS[1], ARGV[index])
    local id = id_of(message)
    local record = redis.call('HGET', KEYS[2], id)
    if record then -- the attempt that follows is given, not spent
      local given = string.gsub(record, '"attempt": (%d+)', function(n) return '"attempt": ' .. math.max(n - 1, 0) end, 1)
      redis.call('HSET', KEYS[2], id, given)
    end
    moved = moved + 1
  end
end
if ARGV[1] == '1' and moved > 0 then redis.call('HINCRBY', KEYS[3], 'fetched', -moved) end
return moved
