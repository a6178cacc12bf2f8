#!lua flags=allow-oom
-- Move what is due to its queue. KEYS: schedule or retry, stat:ledger. ARGV: at most how many, 1 if these jobs had been
-- fetched. Returns how many.
local due = redis.call('ZRANGE', KEYS[1], '-inf', now(), 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, job in ipairs(due) do
  local queue, message = queue_and_message(job)
  redis.call('LPUSH', queue, message)
  redis.call('ZREM', KEYS[1], job)
end
if #due > 0 and ARGV[2] == '1' then redis.call('HINCRBY', KEYS[2], 'fetched', -#due) end
return #due
