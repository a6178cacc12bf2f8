#!lua flags=allow-oom
-- Move a job from inflight to retry or dead. KEYS: inflight:{process}, retry or dead, attempts.
-- ARGV: tag, job id, seconds until it is due, attempts as JSON, a message in place of the old one (or empty).
-- Returns 0 when the job is not there any more: it was taken from a process that was believed dead.
local job = redis.call('HGET', KEYS[1], ARGV[1])
if not job then return 0 end
if ARGV[5] ~= '' then job = queue_and_message(job) .. '\n' .. ARGV[5] end
redis.call('ZADD', KEYS[2], now() + ARGV[3], job)
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
