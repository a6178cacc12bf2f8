#!lua flags=allow-oom
-- Bring what stock Celery was told a priority for to its queue. KEYS: a queue, its lists by priority, another queue, its
-- lists, … ARGV: how many of them belong to a queue, itself among them; at most how many jobs. Returns how many.
local queue, count = nil, 0
for index, key in ipairs(KEYS) do
  if (index - 1) % ARGV[1] == 0 then
    queue = key
  else
    while count < tonumber(ARGV[2]) and redis.call('LMOVE', key, queue, 'RIGHT', 'LEFT') do count = count + 1 end
  end
end
return count
