#!lua flags=no-writes
-- Where all jobs are, in one moment. KEYS: stat:ledger, schedule, retry, dead, processes, queues, and the inflight of what
-- may be no process any more. ARGV: how many queues, what stands before the name of a process in the key of its inflight.
-- Returns {waiting, scheduled, retrying, dead, inflight, of these in processes that are not registered, stat:ledger}.
local last = 5 + ARGV[1]
local waiting, inflight, orphaned = 0, 0, 0
for index = 6, last do waiting = waiting + redis.call('LLEN', KEYS[index]) end
for _, process in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
  inflight = inflight + redis.call('HLEN', ARGV[2] .. process)
end
for index = last + 1, #KEYS do
  local process = string.sub(KEYS[index], #ARGV[2] + 1)
  if not redis.call('ZSCORE', KEYS[5], process) then orphaned = orphaned + redis.call('HLEN', KEYS[index]) end
end
local scheduled, retrying = redis.call('ZCARD', KEYS[2]), redis.call('ZCARD', KEYS[3])
local counts = redis.call('HGETALL', KEYS[1])
return {waiting, scheduled, retrying, redis.call('ZCARD', KEYS[4]), inflight + orphaned, orphaned, counts}
