#!lua flags=no-writes
-- When jobs have failed last. KEYS: attempts. ARGV: job ids. Returns for each the time, as it was written, or '' when nothing
-- is kept of it: then it is done.
local found = {}
for index = 1, #ARGV do
  local record = redis.call('HGET', KEYS[1], ARGV[index])
  found[index] = record and string.match(record, '"failed_at": ([%d.]+)') or ''
end
return found
