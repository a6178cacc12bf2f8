-- Enqueues jobs, as worker/client.py does: jobs.enqueue("web.app.tasks.work", {"bob", 5}, {in_seconds = 300}).
local crypto, json, store = require "crypto", require "json", require "store"

local jobs = {}

-- In the order and form of worker/message.py.
local function message(id, task, args, queue, due, request)
  local body = "[" .. args .. ', {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
  local by = request and '{"request": "' .. request .. '", "user": null, "user_id": null}' or "null"
  return '{"body": "' .. ngx.encode_base64(body) .. '", "content-encoding": "utf-8", "content-type": "application/json", '
    .. '"headers": {"lang": "py", "task": "' .. task .. '", "id": "' .. id .. '", "root_id": "' .. id
    .. '", "parent_id": null, "group": null, "eta": ' .. due
    .. ', "expires": null, "retries": 0, "timelimit": [null, null], "argsrepr": "", "kwargsrepr": "", "origin": "", '
    .. '"ignore_result": true, "enqueued_at": ' .. string.format("%.3f", ngx.now()) .. ', "enqueued_by": ' .. by
    .. '}, "properties": {"correlation_id": "' .. id .. '", "reply_to": "", "delivery_mode": 2, '
    .. '"delivery_info": {"exchange": "", "routing_key": "' .. queue
    .. '"}, "priority": 0, "body_encoding": "base64", "delivery_tag": "' .. id .. '"}}'
end

local function eta(due)
  local microseconds = math.floor(due % 1 * 1e6)
  local fraction = microseconds > 0 and string.format(".%06d", microseconds) or ""
  return '"' .. os.date("!%Y-%m-%dT%H:%M:%S", math.floor(due)) .. fraction .. '+00:00"'
end

-- A name within JSON and in a line of the log.
local function check(what, name, pattern)
  if type(name) ~= "string" or #name > 255 or not ngx.re.find(name, pattern, "jo") then
    error(what .. " is " .. tostring(name) .. ", which cannot be one", 0)
  end
end

local function check_time(name, value)
  if value and (type(value) ~= "number" or not (value >= 0 and value < 2 ^ 32)) then
    error(name .. " is " .. tostring(value) .. ": use seconds", 0)
  end
end

local function checked(task, args, options)
  check("the task", task, "^[\\w.]+\\z")
  check("the queue", options.queue or "default", "^[\\w.-]+\\z")
  check("the id", options.id or "none", "^[A-Za-z0-9-]+\\z")
  check_time("in_seconds", options.in_seconds)
  check_time("at", options.at)
  if options.in_seconds and options.at then error("in_seconds and at are both given: use one", 0) end
  if type(args) ~= "table" then error("the arguments are no table", 0) end
  local encoded = json.encode(args)
  if encoded:sub(1, 1) ~= "[" then error("the arguments are no list", 0) end
  return encoded
end

-- Put a job into Redis whose names are fine, and whose arguments are a list in JSON already.
function jobs.put(id, task, args, queue, seconds, at, request)
  local due = at or seconds and ngx.now() + seconds
  local content = message(id, task, args, queue, due and eta(due) or "null", request)
  return store.push(id, queue, content, seconds, at)
end

-- Enqueue a job: now, in so many seconds by the clock of Redis, or at a time in seconds since 1970.
-- options: queue ("default"), in_seconds, at; id, of which the second within an hour is left out; request, that asks.
-- Returns the job's id once Redis has it, or nil, what is wrong, and the status for that: 400 for what is asked, 503 when
-- it is in doubt whether Redis has it. The same id may then be enqueued again.
function jobs.enqueue(task, args, options)
  options = options or {}
  local is_fine, encoded = pcall(checked, task, args, options)
  if not is_fine then return nil, encoded, 400 end
  local id, queue = options.id or crypto.uuid4(), options.queue or "default"
  local is_there, problem = jobs.put(id, task, encoded, queue, options.in_seconds, options.at, options.request)
  if not is_there then return nil, problem, 503 end
  return id
end

return jobs
