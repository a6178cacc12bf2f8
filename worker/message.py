"""A job as it travels: a message of Celery's protocol, version 2, which any Celery worker can run."""

import base64
import hashlib
import json
import os
import re
import time
from binascii import b2a_base64
from datetime import UTC, datetime
from functools import lru_cache

from worker import job

NOBODY = json.dumps({"callbacks": None, "errbacks": None, "chain": None, "chord": None})
GAP = b"\0"  # which JSON has nowhere as it is

as_json = json.JSONEncoder(allow_nan=False).encode  # `json.dumps` with an option makes an encoder for each call

more_headers = dict  # of a new job; worker/sentry.py puts its own function here


class Unreadable(Exception):
    """A message that no task here can be called with."""


def new_id():
    """A random UUID as text: what `str(uuid4())` is, in a third of the time."""
    (id,) = new_ids(1)
    return id


def new_ids(count):
    digits = os.urandom(16 * count).hex()
    return [
        f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-4{digits[at + 13 : at + 16]}"
        f"-a{digits[at + 17 : at + 20]}-{digits[at + 20 : at + 32]}"
        for at in range(0, 32 * count, 32)
    ]


def encoded(id, task, args, kwargs, queue, due=None):
    """The message of a new job, in bytes; `due` in seconds since 1970, if it is for later.

    Raises TypeError or ValueError for arguments that JSON cannot hold.
    """
    return encoder(task, queue, due)(id, args, kwargs)


def encoder(task, queue, due=None):
    """A function of an id, args and kwargs that makes the messages of jobs which are enqueued together."""
    eta = f'"{datetime.fromtimestamp(due, UTC).isoformat()}"' if due else "null"
    by, more = job.enqueued_by(), more_headers()
    rest = (as_json(by) if by else "null") + (f", {as_json(more)[1:-1]}" if more else "")
    common = form(task, queue) % (eta, time.time(), rest)
    to_body, to_id, to_root, to_correlation, to_tag, end = common.encode().split(GAP)

    def encode(id, args, kwargs):
        text = f"[{as_json(args)}, {as_json(kwargs) if kwargs else '{}'}, {NOBODY}]"
        body, id = b2a_base64(text.encode(), newline=False), id.encode()
        return b"".join((to_body, body, to_id, id, to_root, id, to_correlation, id, to_tag, id, end))

    return encode


@lru_cache(1000)
def form(task, queue):
    """What all messages of a task in a queue have in common, as text: with a gap for the body, and wherever the id
    is, and a %s for all else.

    To write a message as a whole takes ten times as long. An id goes in unescaped, so that scripts find in it what
    Python reads in it.
    """
    text, value = "gap %s", "value %s"  # of names each % is written twice
    message = {
        "body": text,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": task.replace("%", "%%"),
            "id": text,
            "root_id": text,
            "parent_id": None,
            "group": None,
            "eta": value,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "argsrepr": "",
            "kwargsrepr": "",
            "origin": "",
            "ignore_result": True,
            "enqueued_at": value,
            "enqueued_by": value,
        },
        "properties": {
            "correlation_id": text,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue.replace("%", "%%")},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": text,
        },
    }
    return json.dumps(message).replace('"value %s"', "%s").replace('"gap %s"', f'"{GAP.decode()}"')


def decoded(message):
    """(headers, properties, args, kwargs, embedded) of a message; Unreadable when it is not as it should be."""
    content = None
    try:
        content = json.loads(message.decode())
        headers, properties, body = content["headers"], content["properties"], content["body"]
        if properties.get("body_encoding") == "base64":
            body = base64.b64decode(body)
        if compression := headers.get("compression"):
            body = decompressed(body, compression)
        args, kwargs, embedded = loads(body)
        if not (isinstance(headers["id"], str) and isinstance(headers["task"], str)):
            raise TypeError("its id and its task have to be text")
        if not (isinstance(args, list) and isinstance(kwargs, dict) and isinstance(embedded, dict)):
            raise TypeError("its body has to be a list of a list and two objects")
    except Exception as error:  # each decompressor has its own
        why = f"not a message of Celery's protocol, version 2: {remedy(content)}{error!r}"
        raise Unreadable(why) from error
    return headers, properties, args, kwargs, embedded


def decompressed(body, compression):
    from kombu.compression import decompress  # of other producers; who only enqueues has no kombu

    return decompress(body, compression)


def loads(body):
    """The JSON of a body, in which stock Celery marks times, UUIDs, decimals and bytes."""
    if (b"__type__" if isinstance(body, bytes) else "__type__") not in body:
        return json.loads(body)
    from kombu.utils.json import loads

    return loads(body)


def remedy(content):
    """What whoever sent a message that cannot be read may do about it, as far as it tells."""
    if not isinstance(content, dict):
        return ""
    if content.get("headers") == {}:
        return "of version 1, it seems: set task_protocol = 2 where it is sent. "
    if content.get("content-type") != "application/json":
        return f"its content is {content.get('content-type')!r:.100}: set task_serializer = 'json' where it is sent. "
    return ""


def expired(headers):
    """Whether the job was to be run before a time that has passed (`expires`, an ISO 8601 time)."""
    expires = headers.get("expires")
    return bool(expires) and moment(expires) < time.time()


def put_early(headers):
    """When the job is due, in seconds since 1970, if it may have been put into its queue before that; else None.

    Stock Celery does so, for its workers to wait with it. What has our `enqueued_at` was in `schedule` until then,
    unless it is tried again: a stock worker sends it with the headers that it had.
    """
    eta = headers.get("eta")
    waited = "enqueued_at" in headers and not headers.get("retries")
    return moment(eta) if eta and not waited else None


def moment(text):
    """Seconds since 1970 of an ISO 8601 time; without a zone it is UTC, as Celery has it."""
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def id_of(message):
    """The job's id as the scripts find it, without decoding anything: JSON's own way to write `é` or a quote stays."""
    found = re.search(rb'"id"\s*:\s*"([^"]+)"', message)
    return found.group(1).decode(errors="replace") if found else hashlib.sha1(message).hexdigest()
