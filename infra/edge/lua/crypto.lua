-- Of OpenSSL, which nginx has loaded anyway: HMAC-SHA256, comparison in constant time, and random bytes.
local ffi = require "ffi"

ffi.cdef [[
typedef struct evp_md_st EVP_MD;
typedef struct hmac_ctx_st HMAC_CTX;
const EVP_MD *EVP_sha256(void);
HMAC_CTX *HMAC_CTX_new(void);
int HMAC_Init_ex(HMAC_CTX *context, const void *key, int length, const EVP_MD *kind, void *engine);
int HMAC_Update(HMAC_CTX *context, const unsigned char *data, size_t length);
int HMAC_Final(HMAC_CTX *context, unsigned char *result, unsigned int *length);
int CRYPTO_memcmp(const void *a, const void *b, size_t length);
int RAND_bytes(unsigned char *bytes, int count);
unsigned char *ngx_hex_dump(unsigned char *to, const unsigned char *bytes, size_t count);
]]

local C, buffer, text = ffi.C, ffi.new("unsigned char[32]"), ffi.new("unsigned char[40]")
local NAMESPACE = "\x9b\x1f\x4c\x62\x0d\x5e\x4d\x0b\x8a\x37\x61\x2c\xe4\x95\x7f\x18" -- that of web/hooks/signature.py
local crypto = {}

-- What signs with a key: a function of a text. It is made once, since OpenSSL takes longer for a new key than for a text.
function crypto.hmac(key)
  local context = C.HMAC_CTX_new()
  if C.HMAC_Init_ex(context, key, #key, C.EVP_sha256(), nil) ~= 1 then error("OpenSSL has no HMAC-SHA256") end
  return function(content)
    local fine = C.HMAC_Init_ex(context, nil, 0, nil, nil) == 1 and C.HMAC_Update(context, content, #content) == 1
    if not fine or C.HMAC_Final(context, buffer, nil) ~= 1 then error("OpenSSL cannot sign") end
    return ffi.string(buffer, 32)
  end
end

function crypto.equal(a, b)
  return #a == #b and C.CRYPTO_memcmp(a, b, #a) == 0
end

function crypto.hex(bytes)
  return (bytes:gsub(".", function(byte) return string.format("%02x", byte:byte()) end))
end

-- The first 16 bytes of the buffer as a UUID of a version (RFC 9562).
local function uuid(version)
  buffer[6] = bit.bor(bit.band(buffer[6], 0x0f), version * 16)
  buffer[8] = bit.bor(bit.band(buffer[8], 0x3f), 0x80)
  C.ngx_hex_dump(text, buffer, 4)
  C.ngx_hex_dump(text + 9, buffer + 4, 2)
  C.ngx_hex_dump(text + 14, buffer + 6, 2)
  C.ngx_hex_dump(text + 19, buffer + 8, 2)
  C.ngx_hex_dump(text + 24, buffer + 10, 6)
  text[8], text[13], text[18], text[23] = 45, 45, 45, 45
  return ffi.string(text, 36)
end

-- An id that nobody can guess.
function crypto.uuid4()
  if C.RAND_bytes(buffer, 16) ~= 1 then error("OpenSSL has no random bytes") end
  return uuid(4)
end

-- The same id for the same name, here and in web.
function crypto.uuid5(name)
  ffi.copy(buffer, ngx.sha1_bin(NAMESPACE .. name), 16)
  return uuid(5)
end

return crypto
