"""What STORAGE_URL says of a bucket."""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from worker.errors import ConfigurationError

AMAZON = "s3://KEY:SECRET@bucket?region=eu-west-1"
OTHERS = "s3://KEY:SECRET@bucket?endpoint=https://host:port"
FORM = re.compile(r"s3://([^:/@?#\s]+):([^:/@?#\s]+)@([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?(?:\?([^#\s]*))?")
PUBLIC = re.compile(r"(\w+://)([^?]*@)?([a-z0-9.-]*)(?:/[^?@]*)?(?:\?[^@]*)?")
ALLOWED = f"use {AMAZON}, or {OTHERS} where it is not Amazon's, and write a / in SECRET as %2F"


def options(address):
    """The options of web.files.bucket.Bucket for an address. Errors tell nothing of it that may be secret."""
    found = FORM.fullmatch(address)
    if not found:
        raise ConfigurationError(f"STORAGE_URL is {masked(address)!r}: {ALLOWED}")
    key, secret, bucket, query = found.groups()
    said = dict(parse_qsl(query or "", keep_blank_values=True))
    if fault := wrong(said):
        raise ConfigurationError(f"STORAGE_URL is {masked(address)!r}, and {fault}: {ALLOWED}")
    return {
        "access_key": unquote(key),
        "secret_key": unquote(secret),
        "bucket_name": bucket,
        "region_name": said.get("region", "us-east-1"),  # what servers take that have no regions
        "endpoint_url": said.get("endpoint"),
    }


def wrong(said):
    """What is wrong with the part after the question mark, or None. It names no value: a secret may be among them."""
    if set(said) - {"region", "endpoint"}:
        return "takes no options but region and endpoint"
    if not said:
        return "says neither region nor endpoint"
    if "region" in said and not re.fullmatch("[a-z0-9-]+", said["region"]):
        return "its region is none"
    if "endpoint" in said and not is_server(said["endpoint"]):
        return "its endpoint is not the address of a server"
    return None


def is_server(address):
    try:
        parts = urlsplit(address)
        located = parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        return False
    return parts.scheme in ("http", "https") and bool(located) and not (parts.username or parts.query or parts.fragment)


def masked(address):
    """The address without key, secret and options; nothing of it where these are not where they belong."""
    found = PUBLIC.fullmatch(address)
    return f"{found[1]}{'***@' if found[2] else ''}{found[3]}" if found else "***"
