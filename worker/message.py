"""A job as it travels: a message of Celery's protocol, version 2, which any Celery worker can run."""

import base64
import hashlib
import json
import re
import time
from datetime import UTC, datetime

from worker import job

NOBODY = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

more_headers = dict  # of a new job; worker/sentry.py puts its own function here


class Unreadable(Exception):
    """A message that no task here can be called with."""


def encoded(id, task, args, kwargs, queue, due=None):
    """The message of a new job, in bytes; `due` in seconds since 1970, if it is for later.

    Raises TypeError or ValueError for arguments that JSON cannot hold.
    """
    body = json.dumps([list(args), kwargs, NOBODY], allow_nan=False)
    return json.dumps(
        {
            "body": base64.b64encode(body.encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": id,
                "root_id": id,
                "parent_id": None,
                "group": None,
                "eta": datetime.fromtimestamp(due, UTC).isoformat() if due else None,
                "expires": None,
                "retries": 0,
                "timelimit": [None, None],
                "argsrepr": "",
                "kwargsrepr": "",
                "origin": "",
                "ignore_result": True,
                "enqueued_at": time.time(),
                "enqueued_by": job.enqueued_by(),
                **more_headers(),
            },
            "properties": {
                "correlation_id": id,
                "reply_to": "",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": id,
            },
        }
    ).encode()


def decoded(message):
    """(headers, properties, args, kwargs, embedded) of a message; Unreadable when it is not as it should be."""
    try:
        content = json.loads(message)
        headers, properties, body = content["headers"], content["properties"], content["body"]
        if properties.get("body_encoding") == "base64":
            body = base64.b64decode(body)
        args, kwargs, embedded = json.loads(body)
        parts = (headers["id"], str), (headers["task"], str), (args, list), (kwargs, dict), (embedded, dict)
        for value, kind in parts:
            if not isinstance(value, kind):
                raise TypeError(f"{value!r:.100} where a {kind.__name__} should be")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"not a message of Celery's protocol, version 2: {error!r}") from error
    return headers, properties, args, kwargs, embedded


def expired(headers):
    """Whether the job was to be run before a time that has passed (`expires`, an ISO 8601 time)."""
    expires = headers.get("expires")
    return bool(expires) and datetime.fromisoformat(expires).timestamp() < time.time()


def id_of(message):
    """The job's id, as the scripts find it."""
    found = re.search(rb'"id"\s*:\s*"([^"]+)"', message)
    return found.group(1).decode(errors="replace") if found else hashlib.sha1(message).hexdigest()
