#!lua flags=allow-oom
-- A sign of life. KEYS: processes, process:{process}, work:{process}, signals:{process}, stat:recent,
-- stat:releases, metrics:total.
-- ARGV: process, seconds to keep, 1 to join, what it tells as JSON: {facts: {field: text}, work: {tag: text},
-- metrics: {field: count}, recent: [text, …]}, how many recent ones to keep.
-- Returns what the process is told to do, the first first, or nothing when it has not joined or was taken for dead since:
-- its jobs are others' by now.
local told, time = cjson.decode(ARGV[4]), now()
for _, minutes in ipairs({1, 10}) do
  local key = string.format('metrics:%dm:%d', minutes, math.floor(time / 60 / minutes))
  for field, count in pairs(told.metrics) do redis.call('HINCRBY', key, field, count) end
  redis.call('EXPIRE', key, minutes == 1 and 8 * 3600 or 72 * 3600)
end
for field, count in pairs(told.metrics) do redis.call('HINCRBY', KEYS[7], field, count) end
for index = #told.recent, 1, -1 do redis.call('LPUSH', KEYS[5], told.recent[index]) end
redis.call('LTRIM', KEYS[5], 0, ARGV[5] - 1)
if ARGV[3] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return false end
redis.call('ZADD', KEYS[1], time, ARGV[1])
for field, value in pairs(told.facts) do redis.call('HSET', KEYS[2], field, value) end
if (told.facts.release or '') ~= '' then
  redis.call('ZADD', KEYS[6], 'NX', time, told.facts.release)
  redis.call('ZREMRANGEBYRANK', KEYS[6], 0, -51)
end
redis.call('DEL', KEYS[3])
for tag, value in pairs(told.work) do redis.call('HSET', KEYS[3], tag, value) end
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[2])
local signals = redis.call('LRANGE', KEYS[4], 0, -1)
redis.call('DEL', KEYS[4])
return signals
