-- Enqueue jobs, each once. KEYS: their queue, dedupe:{token} of each. ARGV: seconds that dedupe is kept, their messages.
-- Returns how many tokens were not used before.
local new, messages = {}, {}
for index = 2, #KEYS do
  if redis.call('SET', KEYS[index], 1, 'NX', 'EX', ARGV[1]) then
    new[#new + 1] = KEYS[index]
    messages[#messages + 1] = ARGV[index]
  end
end
if #new == 0 then return 0 end
local pushed = redis.pcall('LPUSH', KEYS[1], unpack(messages))
if type(pushed) == 'table' then -- an error, such as that the queue is no list: these may be pushed again
  redis.call('DEL', unpack(new))
  return pushed
end
return #new
