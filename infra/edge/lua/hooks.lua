-- POST /hooks/{name}: takes a signed message as Standard Webhooks has it (standardwebhooks.com), and answers when its job
-- is in Redis. When Redis is away it returns, and nginx passes the request on to web/hooks/views.py, which does the same.
local cjson, crypto, jobs, settings = require "cjson", require "crypto", require "jobs", require "settings"

local hooks = {}
local TOLERANCE = 300 -- seconds by which the time of a message may be off

local function answer(status, text, allow)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Content-Length"] = #text
  if allow then ngx.header["Allow"] = allow end
  ngx.print(text)
  return ngx.exit(ngx.HTTP_OK)
end

local function refuse(status, why, allow)
  return answer(status, '{"error": "' .. why .. '"}', allow)
end

local function is_signed(signers, content, signatures)
  for _, sign in ipairs(signers) do
    local expected = "v1," .. ngx.encode_base64(sign(content))
    if crypto.equal(signatures, expected) then return true end -- most of the time there is but one
    for signature in signatures:gmatch("%S+") do
      if crypto.equal(signature, expected) then return true end
    end
  end
  return false
end

function hooks.receive(name)
  local hook = settings.hooks[name]
  if not hook then return refuse(404, "there is no such hook") end
  if ngx.req.get_method() ~= "POST" then return refuse(405, "use POST", "POST") end
  local id, at, signatures = ngx.var.http_webhook_id, ngx.var.http_webhook_timestamp, ngx.var.http_webhook_signature
  if not (id and at and signatures) then
    return refuse(403, "sign with webhook-id, webhook-timestamp and webhook-signature")
  end
  if #id > 128 or not ngx.re.find(id, "^[\\w:-]+\\z", "jo") then
    return refuse(400, "webhook-id may be of letters, digits and _ : -")
  end
  if #at > 12 or not ngx.re.find(at, "^[0-9]+\\z", "jo") then
    return refuse(400, "webhook-timestamp has to be in seconds since 1970")
  end
  if math.abs(ngx.time() - tonumber(at)) > TOLERANCE then
    return refuse(403, "webhook-timestamp is more than 5 minutes off")
  end
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if not body and ngx.req.get_body_file() then return end -- then it is for web to read
  if not body then return refuse(400, "there is no body") end
  if not is_signed(hook.signers, id .. "." .. at .. "." .. body, signatures) then
    return refuse(403, "the signature does not fit")
  end
  local nul, _, odd = ngx.re.find(body, "\\x00", "jou")
  if nul or odd then return refuse(400, "the body has to be text in UTF-8") end
  local job = crypto.uuid5(name .. "\n" .. id)
  local args = '["' .. name .. '", "' .. id .. '", ' .. cjson.encode(body) .. "]"
  if not jobs.put(job, hook.task, args, hook.queue, nil, nil, ngx.var.request_name) then return end
  ngx.var.job = job
  return answer(202, '{"id": "' .. job .. '"}')
end

return hooks
