#!lua flags=allow-oom
-- Move a job from inflight to retry or dead. KEYS: inflight:{process}, retry or dead, attempts, stat:processed,
-- stat:failed, stat:ledger. ARGV: tag, job id, seconds until it is due, attempts as JSON.
-- Returns 0 when the job is not there any more: it was taken from a process that was believed dead.
local job = redis.call('HGET', KEYS[1], ARGV[1])
if not job then return 0 end
-- The same message, byte for byte, can be there already, if a producer sent it twice: a set holds it once.
if redis.call('ZADD', KEYS[2], now() + ARGV[3], job) == 0 then redis.call('HINCRBY', KEYS[6], 'deleted', 1) end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
redis.call('HDEL', KEYS[1], ARGV[1])
tally(KEYS[4], 1)
tally(KEYS[5], 1)
return 1
