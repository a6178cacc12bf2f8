-- Claim a tick of a recurring job. KEYS: periodic:next, periodic:last, periodic:paused, the queue.
-- ARGV: name, its cursor as it was read, the one that follows, message (or empty: only move the cursor), what is last.
-- Returns 1 when a job was made, 0 when it is paused or somebody else was faster.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] == '' or redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 1 then return 0 end
redis.call('LPUSH', KEYS[4], ARGV[4])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[5])
return 1
