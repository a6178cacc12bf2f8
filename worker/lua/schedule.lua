-- Enqueue jobs for later, each once. KEYS: schedule, dedupe:{token} of each. ARGV: seconds that dedupe is kept, and of
-- each: its job, seconds from now, or '' and the time when it is due. Returns how many tokens were not used before.
local count = 0
for index = 2, #KEYS do
  if redis.call('SET', KEYS[index], 1, 'NX', 'EX', ARGV[1]) then
    local job, seconds, due = unpack(ARGV, 3 * index - 4, 3 * index - 2)
    redis.call('ZADD', KEYS[1], seconds == '' and due or now() + seconds, job)
    count = count + 1
  end
end
return count
