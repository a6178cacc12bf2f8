-- Before every script: how a job is taken apart. Messages are never decoded: cjson would write [] back as {}.
local function queue_and_message(job)
  local line = string.find(job, '\n', 1, true)
  if not line then return 'default', job end -- somebody else's: as a job it will be found unreadable
  return string.sub(job, 1, line - 1), string.sub(job, line + 1)
end

local function id_of(message)
  return string.match(message, '"id"%s*:%s*"([^"]+)"') or redis.sha1hex(message)
end

local function now()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end

-- Count in one of stat:processed and stat:failed.
local function tally(key, amount)
  redis.call('HINCRBY', key, math.floor(now() / 86400), amount)
  redis.call('HINCRBY', key, 'total', amount)
end
