-- Enqueue jobs for later, each once. KEYS: schedule, dedupe:{token} of each, or of as many together as of others.
-- ARGV: seconds that dedupe is kept, and of each: its job, seconds from now, or '' and the time when it is due.
-- Returns how many were not enqueued before.
local together = (#ARGV - 1) / (#KEYS - 1)
local count = 0
for index = 2, #KEYS do
  if redis.call('SET', KEYS[index], 1, 'NX', 'EX', ARGV[1]) then
    local last = 1 + (index - 1) * together
    for at = last - together + 1, last, 3 do
      local job, seconds, due = unpack(ARGV, at, at + 2)
      redis.call('ZADD', KEYS[1], seconds == '' and due or now() + seconds, job)
      count = count + 1
    end
  end
end
return count
