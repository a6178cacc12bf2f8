#!lua flags=allow-oom
-- Empty a queue. KEYS: the queue, undo:{token}, stat:ledger. ARGV: seconds to keep what was in it.
-- Returns how many jobs there were.
local count = redis.call('LLEN', KEYS[1])
if count == 0 then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[3], 'fetched', count)
redis.call('HINCRBY', KEYS[3], 'deleted', count)
return count
