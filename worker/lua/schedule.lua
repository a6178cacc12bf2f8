-- Enqueue jobs for later, each once. KEYS: schedule, dedupe:{token} of each, or of as many together as of others.
-- ARGV: seconds that dedupe is kept, and of each: its job, seconds from now, or '' and the time when it is due.
-- Returns how many were not enqueued before.
local together = (#ARGV - 1) / (#KEYS - 1)
local new, jobs = {}, {}
for index = 2, #KEYS do
  if redis.call('SET', KEYS[index], 1, 'NX', 'EX', ARGV[1]) then
    new[#new + 1] = KEYS[index]
    local last = 1 + (index - 1) * together
    for at = last - together + 1, last, 3 do
      local job, seconds, due = unpack(ARGV, at, at + 2)
      jobs[#jobs + 1] = seconds == '' and due or now() + seconds
      jobs[#jobs + 1] = job
    end
  end
end
if #new == 0 then return 0 end
local added = redis.pcall('ZADD', KEYS[1], unpack(jobs))
if type(added) == 'table' then -- an error, such as that this is no set: these may be enqueued again
  redis.call('DEL', unpack(new))
  return added
end
return #jobs / 2
