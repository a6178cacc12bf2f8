#!lua flags=allow-oom
-- Forget the oldest of the dead. KEYS: dead, attempts, deliveries, stat:ledger. ARGV: how many to keep, seconds to keep
-- them, at most how many to forget now. Returns how many.
local forgotten = 0
local function forget(jobs)
  for _, job in ipairs(jobs) do
    local _, message = queue_and_message(job)
    redis.call('ZREM', KEYS[1], job)
    redis.call('HDEL', KEYS[2], id_of(message))
    redis.call('HDEL', KEYS[3], id_of(message))
    forgotten = forgotten + 1
  end
end
local most = tonumber(ARGV[3])
forget(redis.call('ZRANGE', KEYS[1], '-inf', now() - ARGV[2], 'BYSCORE', 'LIMIT', 0, most))
local excess = redis.call('ZCARD', KEYS[1]) - ARGV[1]
if excess > 0 then forget(redis.call('ZRANGE', KEYS[1], 0, math.min(excess, most) - 1)) end
if forgotten > 0 then redis.call('HINCRBY', KEYS[4], 'deleted', forgotten) end
return forgotten
