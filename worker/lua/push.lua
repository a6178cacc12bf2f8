-- Enqueue a job once. KEYS: dedupe:{token}, the queue or schedule.
-- ARGV: message, seconds that dedupe is kept, queue, seconds from now (empty: at once), or the time when it is due.
-- Returns 1, or 0 when this token was used before.
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[2]) then return 0 end
if ARGV[4] ~= '' then
  redis.call('ZADD', KEYS[2], now() + ARGV[4], ARGV[3] .. '\n' .. ARGV[1])
elseif ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[3] .. '\n' .. ARGV[1])
else
  redis.call('LPUSH', KEYS[2], ARGV[1])
end
return 1
