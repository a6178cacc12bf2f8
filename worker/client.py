"""Puts jobs into Redis. The one door for writing; worker/api.py is the one for looking."""

import json
import time
from base64 import b64encode
from datetime import datetime
from functools import cache
from uuid import uuid4

from worker import keys
from worker.connection import Scripts, connect

DEDUPE_SECONDS = 3600


@cache
def connection():
    return connect(timeout=0.5)


@cache
def scripts():
    return Scripts(connection())


def message(task, args=(), kwargs=None, id=None, queue="default"):
    """A job as a message of Celery's protocol, version 2, which any Celery worker can run. Returns (id, bytes)."""
    id = id or str(uuid4())
    body = json.dumps([list(args), kwargs or {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    return id, json.dumps(
        {
            "body": b64encode(body.encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": id,
                "root_id": id,
                "parent_id": None,
                "group": None,
                "eta": None,
                "expires": None,
                "retries": 0,
                "timelimit": [None, None],
                "argsrepr": "",
                "kwargsrepr": "",
                "origin": "",
                "ignore_result": True,
                "enqueued_at": time.time(),
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


def push(task, args=(), kwargs=None, *, queue="default", id=None, seconds=None):
    """Enqueue a job now, or `seconds` from now by the clock of Redis; returns its id once Redis has it.

    Raises a RedisError when that is in doubt. The same `id` may then be pushed again: within an hour it counts once.
    """
    id, content = message(task, args, kwargs, id, queue)
    push_message(queue, content, id, seconds=seconds)
    return id


def push_message(queue, content, id, *, seconds=None, due=None, once=True):
    """Enqueue a message as it is.

    seconds: how long from now, by the clock of Redis. due: or the time before which it shall not run, in ISO 8601.
    once: whether an id that was pushed in the last hour is left out.
    """
    if isinstance(due, str):
        due = datetime.fromisoformat(due).timestamp()
    target = queue if seconds is None and due is None else keys.SCHEDULE
    when = ["" if seconds is None else seconds, "" if due is None else due]
    scripts().push([f"{keys.DEDUPE}{id}", target], [content, DEDUPE_SECONDS if once else "", queue, *when])
