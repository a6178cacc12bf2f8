#!lua flags=allow-oom
-- Move a job that was put into its queue before its time from inflight to schedule. KEYS: inflight:{process}, schedule,
-- attempts, stat:ledger. ARGV: tag, job id, when it is due, attempts as JSON, by which it is known when it comes again.
-- Returns 1, also when the job is not there any more, and 0 when it is due by now, and stays.
local job = redis.call('HGET', KEYS[1], ARGV[1])
if not job then return 1 end
if tonumber(ARGV[3]) <= now() then return 0 end
-- The same message, byte for byte, can be there already, if a producer sent it twice: a set holds it once.
local new = redis.call('ZADD', KEYS[2], ARGV[3], job) == 1
redis.call('HINCRBY', KEYS[4], new and 'fetched' or 'deleted', new and -1 or 1)
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
