-- Before every script: how a job is taken apart. Messages are never decoded: cjson would write [] back as {}.
local function queue_and_message(job)
  local line = string.find(job, '\n', 1, true)
  return string.sub(job, 1, line - 1), string.sub(job, line + 1)
end

local function id_of(message)
  return string.match(message, '"id"%s*:%s*"([^"]+)"') or redis.sha1hex(message)
end

local function now()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end
