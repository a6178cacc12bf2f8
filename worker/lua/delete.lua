#!lua flags=allow-oom
-- Delete jobs from a set. KEYS: schedule, retry or dead; attempts, deliveries, stat:ledger, and undo:… if they are to be
-- kept there for a day. ARGV: 1 if these jobs had been fetched, jobs. Returns how many were there.
local deleted = 0
for index = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[index])
  if score then
    local _, message = queue_and_message(ARGV[index])
    local id = id_of(message)
    if KEYS[5] then
      local attempts, deliveries = redis.call('HGET', KEYS[2], id), redis.call('HGET', KEYS[3], id)
      redis.call('RPUSH', KEYS[5], ARGV[index], score, attempts or '', deliveries or '')
    end
    redis.call('ZREM', KEYS[1], ARGV[index])
    redis.call('HDEL', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
    deleted = deleted + 1
  end
end
if deleted > 0 then
  redis.call('HINCRBY', KEYS[4], 'deleted', deleted)
  -- A deleted job counts as one that has left its queue, so that the sum is right without a second count.
  if ARGV[1] == '0' then redis.call('HINCRBY', KEYS[4], 'fetched', deleted) end
  if KEYS[5] then redis.call('EXPIRE', KEYS[5], 86400) end
end
return deleted
