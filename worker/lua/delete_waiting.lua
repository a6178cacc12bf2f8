#!lua flags=allow-oom
-- Delete jobs from a queue. KEYS: the queue, attempts, deliveries, stat:ledger.
-- ARGV: the end from which to look (1: the newest, -1: the oldest), how many jobs to look at, messages.
-- Returns how many were there.
local deleted = 0
for index = 3, #ARGV do
  if redis.call('LPOS', KEYS[1], ARGV[index], 'RANK', ARGV[1], 'MAXLEN', ARGV[2]) then
    redis.call('LREM', KEYS[1], ARGV[1], ARGV[index])
    redis.call('HDEL', KEYS[2], id_of(ARGV[index]))
    redis.call('HDEL', KEYS[3], id_of(ARGV[index]))
    deleted = deleted + 1
  end
end
if deleted > 0 then
  redis.call('HINCRBY', KEYS[4], 'fetched', deleted)
  redis.call('HINCRBY', KEYS[4], 'deleted', deleted)
end
return deleted
