-- The jobs Redis. What requests push at the same time goes there in one round trip, and each of them is answered when its
-- own push was. This speaks the protocol itself: lua-nginx-redis knows no TLS, and would take longer than Redis.
local semaphore = require "ngx.semaphore"
local settings = require "settings"

local store = {}
local CONNECT, ANSWER = 0.2, 0.3 -- seconds, as in worker/client.py
local AGAIN = 0.5 -- seconds for which Redis is not asked when it has not answered: that costs few a wait, and others none
local IDLE, KEPT = 60000, 4 -- ms for which an idle connection is kept, and how many of a process of nginx
local MOST = 100 -- pushes in a round trip, as in worker/client.py
local DEDUPE = "3600" -- seconds, as in worker/client.py

local waiting, is_running = {}, false
local spare = {} -- semaphores, which take longer to make than to use
local away_until, problem_then = 0, nil

-- A command as a list of what to send one after the other: to join it here would copy each message once more.
local function command(words)
  local parts = {"*", #words, "\r\n"}
  for i = 1, #words do
    local word, at = words[i], 5 * i - 2
    parts[at + 1], parts[at + 2], parts[at + 3], parts[at + 4], parts[at + 5] = "$", #word, "\r\n", word, "\r\n"
  end
  return parts
end

-- An answer: true and what it says, false and the error of Redis, or nil and what happened to the connection.
local function read(socket)
  local line, problem = socket:receive()
  if not line then return nil, problem end
  local kind, said = line:sub(1, 1), line:sub(2)
  if kind == ":" or kind == "+" then return true, said end
  if kind == "-" then return false, said end
  if kind ~= "$" then return nil, "not an answer of Redis" end
  local bytes, lost = socket:receive(tonumber(said) + 2)
  return bytes and true, lost
end

local function ask(socket, ...)
  local sent, problem = socket:send(command {...})
  if not sent then return nil, problem end
  return read(socket)
end

-- On a new connection.
local function greet(socket, server)
  local fine, problem = true, nil
  if server.tls then fine, problem = socket:sslhandshake(nil, server.host, server.verify) end
  if fine and server.password ~= "" then
    if server.user == "" then
      fine, problem = ask(socket, "AUTH", server.password)
    else
      fine, problem = ask(socket, "AUTH", server.user, server.password)
    end
  end
  if fine and server.db ~= 0 then fine, problem = ask(socket, "SELECT", tostring(server.db)) end
  return fine, problem
end

local function connected()
  local server, socket = settings.server, ngx.socket.tcp()
  socket:settimeouts(CONNECT * 1000, ANSWER * 1000, ANSWER * 1000)
  local place = server.port and {server.host, server.port, {pool = server.pool}} or {server.host, {pool = server.pool}}
  local fine, problem = socket:connect(unpack(place))
  if fine and socket:getreusedtimes() == 0 then
    fine, problem = greet(socket, server)
    if not fine then socket:close() end
  end
  return fine and socket, problem
end

local function settle(pushes, is_there, problem)
  for i = 1, #pushes do
    local push = pushes[i]
    push.is_there, push.problem, push.is_settled = is_there, problem, true
    push.semaphore:post(1)
  end
end

-- The pushes of a batch by where they go: those to one place are one call of a script.
local function calls(batch)
  local found, places = {}, {}
  for i = 1, #batch do
    local push = batch[i]
    local call = places[push.place]
    if not call then
      call = {script = settings.scripts[push.place == "schedule" and "schedule" or "push"]}
      places[push.place], found[#found + 1] = call, call
    end
    call[#call + 1] = push
  end
  return found
end

-- See worker/lua/push.lua and worker/lua/schedule.lua for what they are called with.
local function words(call)
  local said = {"EVALSHA", call.script.digest, tostring(#call + 1), call[1].place}
  for i = 1, #call do said[#said + 1] = "dedupe:" .. call[i].token end
  said[#said + 1] = DEDUPE
  for i = 1, #call do
    said[#said + 1] = call[i].job
    if call[i].place == "schedule" then said[#said + 1], said[#said + 2] = call[i].seconds, call[i].at end
  end
  return said
end

-- Make calls and settle their pushes; those for which Redis did not know the script, or nil and what happened.
local function exchange(socket, made)
  local commands, unknown = {}, {}
  for i = 1, #made do commands[i] = command(words(made[i])) end
  local sent, lost = socket:send(commands)
  if not sent then return nil, lost end
  for i = 1, #made do
    local fine, said = read(socket)
    if fine == nil then return nil, said end
    if not fine and said:find("^NOSCRIPT") then
      unknown[#unknown + 1] = made[i]
    else
      settle(made[i], fine, said)
    end
  end
  return unknown
end

local function deliver(socket, batch)
  local unknown, lost = exchange(socket, calls(batch))
  if unknown and #unknown > 0 then
    for i = 1, #unknown do
      local fine, problem = ask(socket, "SCRIPT", "LOAD", unknown[i].script.source)
      if not fine then return nil, problem end
    end
    unknown, lost = exchange(socket, unknown)
  end
  return unknown and #unknown == 0, lost or "Redis forgets its scripts"
end

local function next_batch()
  local batch = {}
  for i = 1, math.min(#waiting, MOST) do batch[i] = waiting[i] end
  if #batch == #waiting then
    waiting = {}
  else
    waiting = {unpack(waiting, #batch + 1)}
  end
  return batch
end

local function fail(pushes, problem)
  away_until, problem_then = ngx.now() + AGAIN, problem
  ngx.log(ngx.ERR, "Redis is away, requests are passed on to web: ", problem)
  for _, push in ipairs(pushes) do
    if not push.is_settled then settle({push}, nil, problem) end
  end
end

-- Push what waits, until nothing does.
local function work()
  local socket, problem = connected()
  for _ = 1, 1000 do
    if not socket or #waiting == 0 then break end
    local batch, fine = next_batch(), nil
    fine, problem = deliver(socket, batch)
    ngx.update_time()
    if not fine then
      socket:close() -- an answer may be under way, and would be taken for that of the next push
      socket = nil
      fail(batch, problem)
    end
  end
  if socket then
    socket:setkeepalive(IDLE, KEPT)
  elseif #waiting > 0 then
    local pushes = waiting
    waiting = {}
    fail(pushes, problem)
  end
end

-- In a timer, since a connection is of the request that made it.
local function run()
  local is_fine, problem = pcall(work)
  is_running = false
  if not is_fine then ngx.log(ngx.ERR, "pushing failed: ", problem) end
  if #waiting > 0 then store.start() end
end

function store.start()
  is_running = ngx.timer.at(0, run)
end

-- Enqueue a job by its message, now, in so many seconds by the clock of Redis, or at a time in seconds since 1970.
-- Returns true, or false or nil and what is wrong: then it is in doubt whether Redis has it.
function store.push(token, queue, message, seconds, at)
  if ngx.now() < away_until then return nil, problem_then end
  local push = {token = token, place = queue, job = message, semaphore = table.remove(spare) or semaphore.new()}
  if seconds or at then
    push.place, push.job = "schedule", queue .. "\n" .. message
    push.seconds, push.at = seconds and tostring(seconds) or "", at and string.format("%.6f", at) or ""
  end
  waiting[#waiting + 1] = push
  if not is_running then store.start() end
  local is_woken = push.semaphore:wait(2 * (CONNECT + ANSWER))
  if is_woken then spare[#spare + 1] = push.semaphore end
  return push.is_there, push.problem or "no answer"
end

return store
