-- Of OpenSSL, which nginx has loaded anyway: HMAC-SHA256, comparison in constant time, and random bytes.
local ffi = require "ffi"

ffi.cdef [[
typedef struct evp_md_st EVP_MD;
const EVP_MD *EVP_sha256(void);
unsigned char *HMAC(const EVP_MD *kind, const void *key, int key_length, const unsigned char *data, size_t length,
                    unsigned char *result, unsigned int *result_length);
int CRYPTO_memcmp(const void *a, const void *b, size_t length);
unsigned char *ngx_hex_dump(unsigned char *to, const unsigned char *bytes, size_t count);
int RAND_bytes(unsigned char *bytes, int count);
]]

local C, buffer, hex = ffi.C, ffi.new("unsigned char[64]"), ffi.new("unsigned char[64]")
local NAMESPACE = "\x9b\x1f\x4c\x62\x0d\x5e\x4d\x0b\x8a\x37\x61\x2c\xe4\x95\x7f\x18" -- that of web/hooks/delivery.py
local crypto = {}

function crypto.hmac(key, text)
  C.HMAC(C.EVP_sha256(), key, #key, text, #text, buffer, nil)
  return ffi.string(buffer, 32)
end

function crypto.equal(a, b)
  return #a == #b and C.CRYPTO_memcmp(a, b, #a) == 0
end

function crypto.hex(bytes)
  return ffi.string(hex, C.ngx_hex_dump(hex, bytes, #bytes) - hex)
end

-- 16 of the bytes as a UUID of a version (RFC 9562).
local function uuid(bytes, version)
  ffi.copy(buffer, bytes, 16)
  buffer[6] = bit.bor(bit.band(buffer[6], 0x0f), version * 16)
  buffer[8] = bit.bor(bit.band(buffer[8], 0x3f), 0x80)
  C.ngx_hex_dump(hex, buffer, 16)
  local text = ffi.string(hex, 32)
  return text:sub(1, 8) .. "-" .. text:sub(9, 12) .. "-" .. text:sub(13, 16) .. "-" .. text:sub(17, 20) .. "-" .. text:sub(21)
end

-- An id that nobody can guess.
function crypto.uuid4()
  if C.RAND_bytes(buffer, 16) ~= 1 then error("OpenSSL has no random bytes") end
  return uuid(ffi.string(buffer, 16), 4)
end

-- The same id for the same name, here and in web.
function crypto.uuid5(name)
  return uuid(ngx.sha1_bin(NAMESPACE .. name), 5)
end

return crypto
