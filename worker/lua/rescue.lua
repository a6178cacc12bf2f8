#!lua flags=allow-oom
-- Give the jobs of one process back, because it is dead. KEYS: inflight:{process}, processes, deliveries, dead, attempts,
-- stat:ledger. ARGV: process, seconds of silence that mean death, deliveries after which a job is poison, attempts of the
-- poisoned. Returns {jobs put back, jobs that died: a list}; nothing happens when the process has given a sign of life.
local last = redis.call('ZSCORE', KEYS[2], ARGV[1])
if last and now() - last < tonumber(ARGV[2]) then return {0, {}} end
local jobs, back, poisoned = redis.call('HGETALL', KEYS[1]), 0, {}
for index = 2, #jobs, 2 do
  local queue, message = queue_and_message(jobs[index])
  local id = id_of(message)
  if redis.call('HINCRBY', KEYS[3], id, 1) >= tonumber(ARGV[3]) then
    if redis.call('ZADD', KEYS[4], now(), jobs[index]) == 0 then redis.call('HINCRBY', KEYS[6], 'deleted', 1) end
    redis.call('HSET', KEYS[5], id, ARGV[4])
    redis.call('HDEL', KEYS[3], id)
    poisoned[#poisoned + 1] = jobs[index]
  else
    redis.call('RPUSH', queue, message)
    back = back + 1
  end
end
if back > 0 then redis.call('HINCRBY', KEYS[6], 'fetched', -back) end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return {back, poisoned}
