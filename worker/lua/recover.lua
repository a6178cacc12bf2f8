#!lua flags=allow-oom
-- After a fetch whose answer did not come: let none of those before do anything any more, should one still arrive.
-- KEYS: inflight:{process}, process:{process}. ARGV: the first tag of the fetches to come, seconds to keep.
-- Returns the tags of what is inflight.
redis.call('HSET', KEYS[2], 'fence', ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return redis.call('HKEYS', KEYS[1])
