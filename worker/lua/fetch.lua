#!lua flags=allow-oom
-- Hand in what is finished, and take as many jobs as threads are idle.
-- KEYS: inflight:{process}, processes, attempts, deliveries, paused, stat:ledger, stat:processed, stat:failed,
-- process:{process}, queues in the order in which to look. ARGV: process, idle threads, the first tag to use, how many are done, discarded, expired,
-- their tags in this order, ids of those of which something is kept.
-- Returns {{tag, index of the queue, message, attempts or '', deliveries or 0, …}, paused queues}, or an error when the
-- process is not registered: then it was taken for dead, and its jobs are somebody else's. A fetch that arrives after its
-- process has given it up does nothing (see recover.lua): nobody would hear of the jobs it took.
local idle, tag, at = tonumber(ARGV[2]), tonumber(ARGV[3]), 7
if tag < tonumber(redis.call('HGET', KEYS[9], 'fence') or 0) then return {{}, {}} end
local function hand_in(outcome, count)
  if count == 0 then return 0 end
  local removed = redis.call('HDEL', KEYS[1], unpack(ARGV, at, at + count - 1))
  redis.call('HINCRBY', KEYS[6], outcome, removed)
  at = at + count
  return removed
end
local done, discarded = hand_in('done', tonumber(ARGV[4])), hand_in('discarded', tonumber(ARGV[5]))
hand_in('expired', tonumber(ARGV[6]))
if done + discarded > 0 then tally(KEYS[7], done + discarded) end
if discarded > 0 then tally(KEYS[8], discarded) end
if at <= #ARGV then
  redis.call('HDEL', KEYS[3], unpack(ARGV, at))
  redis.call('HDEL', KEYS[4], unpack(ARGV, at))
end
local paused = redis.call('SMEMBERS', KEYS[5])
if idle == 0 then return {{}, paused} end
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then
  return redis.error_reply('UNREGISTERED ' .. ARGV[1])
end
local skipped = {}
for _, queue in ipairs(paused) do skipped[queue] = true end
local tried = redis.call('EXISTS', KEYS[3], KEYS[4]) > 0
local found, count = {}, 0
for index = 10, #KEYS do
  local messages = not skipped[KEYS[index]] and redis.call('RPOP', KEYS[index], idle)
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
      for _, part in ipairs({tag, index - 10, message, attempts, deliveries}) do found[#found + 1] = part end
      tag = tag + 1
    end
    redis.call('HSET', KEYS[1], unpack(held))
    count = count + #messages
    idle = idle - #messages
    if idle == 0 then break end
  end
end
if count > 0 then redis.call('HINCRBY', KEYS[6], 'fetched', count) end
return {found, paused}
