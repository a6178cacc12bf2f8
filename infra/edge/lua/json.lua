-- Lua values as JSON, or an error: what a job is called with has to arrive as it was. cjson would write 2^53 as
-- 9.007199254741e+15, and an empty list as {}.
local cjson = require "cjson"

local json = {null = cjson.null}
local OBJECT = {}

-- Mark a table as an object: an empty one is taken for a list.
function json.object(fields)
  return setmetatable(fields or {}, OBJECT)
end

local encode

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then error(value .. " is no number in JSON", 0) end
  if value % 1 ~= 0 then return string.format("%.17g", value) end
  if math.abs(value) > 2 ^ 53 then error(string.format("%.0f may have lost digits: pass it as text", value), 0) end
  return string.format("%d", value)
end

local function text(value)
  if select(3, ngx.re.find(value, "^", "jou")) then error("a text is not UTF-8", 0) end
  return cjson.encode(value)
end

local function list(value, depth)
  local items = {}
  for index = 1, #value do items[index] = encode(value[index], depth + 1) end
  return "[" .. table.concat(items, ", ") .. "]"
end

local function object(value, depth)
  local items = {}
  for key, item in pairs(value) do
    if type(key) ~= "string" then error("a table has the key " .. tostring(key) .. " beside others", 0) end
    items[#items + 1] = text(key) .. ": " .. encode(item, depth + 1)
  end
  return "{" .. table.concat(items, ", ") .. "}"
end

local function is_list(value)
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  return getmetatable(value) ~= OBJECT and count == #value
end

function encode(value, depth)
  local kind = type(value)
  if kind == "string" then return text(value) end
  if kind == "number" then return number(value) end
  if kind == "boolean" then return tostring(value) end
  if value == json.null then return "null" end
  if kind ~= "table" then error("a " .. kind .. " has no form in JSON", 0) end
  if depth > 100 then error("a table is more than 100 deep", 0) end
  return is_list(value) and list(value, depth) or object(value, depth)
end

-- Raises a text that says what has no form in JSON.
function json.encode(value)
  return encode(value, 0)
end

return json
