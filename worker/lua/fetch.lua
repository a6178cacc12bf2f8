#!lua flags=allow-oom
-- Acknowledge what is finished, and take as many jobs as threads are idle.
-- KEYS: inflight:{process}, processes, attempts, deliveries, queues in the order in which to look.
-- ARGV: process, idle threads, the first tag to use, number of finished jobs, their tags, ids of those with attempts.
-- Returns {tag, index of the queue, message, attempts or '', deliveries or 0, …}, or an error when the process is not
-- registered: then it was taken for dead, and its jobs are somebody else's.
local idle, tag, finished = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if finished > 0 then redis.call('HDEL', KEYS[1], unpack(ARGV, 5, 4 + finished)) end
if #ARGV > 4 + finished then
  redis.call('HDEL', KEYS[3], unpack(ARGV, 5 + finished))
  redis.call('HDEL', KEYS[4], unpack(ARGV, 5 + finished))
end
if idle == 0 then return {} end
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  return redis.error_reply('UNREGISTERED ' .. ARGV[1])
end
local tried = redis.call('EXISTS', KEYS[3], KEYS[4]) > 0
local found = {}
for index = 5, #KEYS do
  local messages = redis.call('RPOP', KEYS[index], idle)
  if messages then
    local held = {}
    for _, message in ipairs(messages) do
      local attempts, deliveries = '', 0
      if tried then
        local id = id_of(message)
        attempts = redis.call('HGET', KEYS[3], id) or ''
        deliveries = redis.call('HGET', KEYS[4], id) or 0
      end
      held[#held + 1] = tag
      held[#held + 1] = KEYS[index] .. '\n' .. message
      for _, part in ipairs({tag, index - 5, message, attempts, deliveries}) do found[#found + 1] = part end
      tag = tag + 1
    end
    redis.call('HSET', KEYS[1], unpack(held))
    idle = idle - #messages
    if idle == 0 then break end
  end
end
return found
