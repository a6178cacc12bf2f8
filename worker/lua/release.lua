#!lua flags=allow-oom
-- Put jobs back at the head of their queues, the oldest first in line. KEYS: inflight:{process}, stat:ledger.
-- ARGV: tags, in the order in which they were fetched. Returns how many.
local count = 0
for index = #ARGV, 1, -1 do
  local job = redis.call('HGET', KEYS[1], ARGV[index])
  if job then
    local queue, message = queue_and_message(job)
    redis.call('RPUSH', queue, message)
    redis.call('HDEL', KEYS[1], ARGV[index])
    count = count + 1
  end
end
if count > 0 then redis.call('HINCRBY', KEYS[2], 'fetched', -count) end
return count
