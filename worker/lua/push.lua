-- Enqueue jobs, each once. KEYS: their queue, dedupe:{token} of each, or of as many together as of others.
-- ARGV: seconds that dedupe is kept, their messages. Returns how many were not enqueued before.
local together = (#ARGV - 1) / (#KEYS - 1)
local new, messages = {}, {}
for index = 2, #KEYS do
  if redis.call('SET', KEYS[index], 1, 'NX', 'EX', ARGV[1]) then
    new[#new + 1] = KEYS[index]
    local last = 1 + (index - 1) * together
    for at = last - together + 1, last do messages[#messages + 1] = ARGV[at] end
  end
end
if #new == 0 then return 0 end
local pushed = redis.pcall('LPUSH', KEYS[1], unpack(messages))
if type(pushed) == 'table' then -- an error, such as that the queue is no list: these may be pushed again
  redis.call('DEL', unpack(new))
  return pushed
end
return #messages
