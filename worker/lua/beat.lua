#!lua flags=allow-oom
-- A sign of life. KEYS: processes, process:{process}. ARGV: process, seconds to keep, 1 to join, field, value, …
-- Returns 0 when the process has not joined, or was taken for dead since: its jobs are others' by now.
if ARGV[3] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now(), ARGV[1])
redis.call('HSET', KEYS[2], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
