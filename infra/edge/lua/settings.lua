-- What the environment and the table of hooks say, read once when nginx starts. A wrong value is an error that names it.
local cjson, crypto = require "cjson", require "crypto"

local settings = {}
local FORMS = "redis://user:password@host:port/db, rediss://host:port/db or unix:///path?db=0"

local function wrong(...)
  local text = string.format(...)
  if not io.open(ngx.config.prefix() .. "nginx.pid") then -- it starts, and would add a traceback
    io.stderr:write(text, "\n")
    os.exit(1)
  end
  error(text, 0)
end

local function masked(url)
  return (url:gsub("^(%a*:?/*[^:@]*):?.*@", "%1:***@"))
end

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- The options of a URL. One that is not heeded here, such as a certificate to check by, is an error.
local function options(name, url, query)
  local found = {}
  for option in query:gmatch("[^&]+") do
    local key, value = option:match("^([^=]*)=?(.*)$")
    local known = key == "db" and value:find("^%d+$")
      or key == "ssl_cert_reqs" and (value == "none" or value == "required")
    if not known then
      wrong("%s is '%s': use no other options than db=number, and ssl_cert_reqs=none or required", name, masked(url))
    end
    found[key] = value
  end
  return found
end

local function host_and_port(place)
  local host, port, db = place:match("^(%[[%x:]+%]):?(%d*)/?(%d*)$")
  if not host then host, port, db = place:match("^([%w._-]+):?(%d*)/?(%d*)$") end
  port = port == "" and 6379 or tonumber(port)
  if host and port >= 1 and port <= 65535 then return host, port, tonumber(db) end
end

-- Where Redis is: {host, port (nil for a socket), user, password, db, tls, verify, pool}.
function settings.redis(name, url)
  local scheme, rest, query = url:match("^(%a+)://([^?]+)%??(.*)$")
  local login, place = (rest or ""):match("^(.*)@(.*)$")
  local user, password = (login or ""):match("^([^:]*):?(.*)$")
  local redis = {user = decoded(user), password = decoded(password), tls = scheme == "rediss"}
  place = place or rest
  if scheme == "unix" then
    redis.host = "unix:" .. place
  elseif scheme == "redis" or scheme == "rediss" then
    redis.host, redis.port, redis.db = host_and_port(place)
  end
  if not redis.host then wrong("%s is '%s': use %s", name, masked(url), FORMS) end
  local found = options(name, url, query)
  redis.db = redis.db or tonumber(found.db) or 0
  redis.verify = found.ssl_cert_reqs == "required"
  redis.pool = table.concat({scheme, redis.host, redis.port or "", redis.user, redis.db}, " ")
  return redis
end

-- REDIS_URL, or the variable that REDIS_PROVIDER names, as in worker/config.py.
local function redis()
  local name = variable("REDIS_PROVIDER") or "REDIS_URL"
  if not variable(name) and name ~= "REDIS_URL" then
    wrong("REDIS_PROVIDER names %s, which is not set: set %s or unset REDIS_PROVIDER", name, name)
  end
  return settings.redis(name, variable(name) or "redis://localhost:6379/0")
end

-- What signs with each secret of a hook; they are written as Standard Webhooks has it.
local function signers(name)
  local found = {}
  for text in (variable(name) or ""):gmatch("[^%s,]+") do
    local secret = ngx.decode_base64(text:match("^whsec_(.+)$") or "")
    if not secret or #secret < 24 or #secret > 64 then
      wrong("%s is not a secret as Standard Webhooks has it: use whsec_ and base64 of 24 to 64 random bytes; "
        .. "several are separated by spaces", name)
    end
    found[#found + 1] = crypto.hmac(secret)
  end
  return found
end

local function content(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The hooks that are open, since they have a secret: name -> {task, queue, signers}.
local function hooks(path)
  local open = {}
  for name, hook in pairs(cjson.decode(content(path))) do
    local known = signers(hook.secret)
    if #known > 0 then open[name] = {task = hook.task, queue = hook.queue, signers = known} end
  end
  return open
end

-- A script as worker/connection.py sends it, so that Redis knows both by the same digest.
local function script(folder, name)
  local source = content(folder .. "/" .. name .. ".lua")
  local flags, rest = source:match("^(#![^\n]*)\n(.*)$")
  local whole = (flags or "#!lua") .. "\n" .. content(folder .. "/common.lua") .. (rest or source)
  return {source = whole, digest = crypto.hex(ngx.sha1_bin(whole))}
end

-- root: the folder of the project.
function settings.read(root)
  settings.server = redis()
  settings.hooks = hooks(root .. "/web/hooks/hooks.json")
  local scripts = root .. "/worker/lua"
  settings.scripts = {push = script(scripts, "push"), schedule = script(scripts, "schedule")}
end

return settings
