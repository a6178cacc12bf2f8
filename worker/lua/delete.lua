#!lua flags=allow-oom
-- Delete jobs from a set. KEYS: schedule, retry or dead; attempts, deliveries, stat:ledger.
-- ARGV: 1 if these jobs had been fetched, jobs. Returns how many were there.
local deleted = 0
for index = 2, #ARGV do
  if redis.call('ZREM', KEYS[1], ARGV[index]) == 1 then
    local _, message = queue_and_message(ARGV[index])
    redis.call('HDEL', KEYS[2], id_of(message))
    redis.call('HDEL', KEYS[3], id_of(message))
    deleted = deleted + 1
  end
end
if deleted > 0 then
  redis.call('HINCRBY', KEYS[4], 'deleted', deleted)
  -- A deleted job counts as one that has left its queue, so that the sum is right without a second count.
  if ARGV[1] == '0' then redis.call('HINCRBY', KEYS[4], 'fetched', deleted) end
end
return deleted
