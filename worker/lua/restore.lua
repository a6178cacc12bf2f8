#!lua flags=allow-oom
-- Put back jobs that were deleted, the last first, so that those of a queue come back in their order, in front of the
-- others. KEYS: the queue or set, undo:…, attempts, deliveries, stat:ledger.
-- ARGV: at most how many, 1 if these jobs had been fetched. Returns how many.
local back, twice = 0, 0
while back < tonumber(ARGV[1]) do
  local kept = redis.call('RPOP', KEYS[2], 4)
  if not kept then break end
  local deliveries, attempts, score, job = unpack(kept)
  local _, message = '', job
  if score == '' then
    redis.call('RPUSH', KEYS[1], job)
  else
    _, message = queue_and_message(job)
    -- The same message, byte for byte, can be there again: a set holds it once.
    twice = twice + 1 - redis.call('ZADD', KEYS[1], 'NX', score, job)
  end
  if attempts ~= '' then redis.call('HSETNX', KEYS[3], id_of(message), attempts) end
  if deliveries ~= '' then redis.call('HSETNX', KEYS[4], id_of(message), deliveries) end
  back = back + 1
end
if back > twice then
  redis.call('HINCRBY', KEYS[5], 'deleted', twice - back)
  if ARGV[2] == '0' then redis.call('HINCRBY', KEYS[5], 'fetched', twice - back) end
end
return back
