#!lua flags=allow-oom
-- Delete jobs from a queue. KEYS: the queue, attempts, deliveries, stat:ledger, and undo:… if they are to be kept there
-- for a day. ARGV: the end from which to look (1: the newest, -1: the oldest), how many jobs to look at, messages.
-- Returns how many were there.
local deleted = 0
for index = 3, #ARGV do
  if redis.call('LPOS', KEYS[1], ARGV[index], 'RANK', ARGV[1], 'MAXLEN', ARGV[2]) then
    redis.call('LREM', KEYS[1], ARGV[1], ARGV[index])
    local id = id_of(ARGV[index])
    if KEYS[5] then
      local attempts, deliveries = redis.call('HGET', KEYS[2], id), redis.call('HGET', KEYS[3], id)
      redis.call('RPUSH', KEYS[5], ARGV[index], '', attempts or '', deliveries or '')
    end
    redis.call('HDEL', KEYS[2], id)
    redis.call('HDEL', KEYS[3], id)
    deleted = deleted + 1
  end
end
if deleted > 0 then
  redis.call('HINCRBY', KEYS[4], 'fetched', deleted)
  redis.call('HINCRBY', KEYS[4], 'deleted', deleted)
  if KEYS[5] then redis.call('EXPIRE', KEYS[5], 86400) end
end
return deleted
