"""Makes a Job of what stands in Redis, whoever wrote it: what cannot be read is left out, and nothing here raises."""

import hashlib
import json
from datetime import datetime

from worker import keys, message
from worker.api.connection import connection
from worker.job import Failure, Job, Place, State

LAST_MOMENT = 253_402_300_799  # of the year 9999: what is later is no time that can be shown


def read(key, state, entries):
    """The jobs of `entries`: pairs of what stands at `key`, in bytes, and the score, index or tag that it has there."""
    if not entries:
        return []
    found = [(*split(key, state, entry), entry, at) for entry, at in entries]
    ids = [id_of(raw) for _, raw, *_ in found]
    failures = connection().hmget(keys.ATTEMPTS, ids)
    return [
        Job(
            id=id,
            state=state,
            place=Place(key, at),
            queue=queue,
            due=moment(at) if state in (State.SCHEDULED, State.RETRYING) else None,
            raw=raw,
            entry=entry,
            **contents(raw),
            **known_of(failure, moment(at) if state is State.DEAD else None),
        )
        for id, failure, (queue, raw, entry, at) in zip(ids, failures, found, strict=True)
    ]


def split(key, state, entry):
    """(queue, message) of an entry."""
    if state is State.WAITING:
        return key, entry
    queue, line, raw = entry.partition(b"\n")
    return (queue.decode(errors="replace"), raw) if line else ("", entry)


def id_of(raw):
    try:
        return message.id_of(raw)
    except UnicodeDecodeError:
        return hashlib.sha1(raw).hexdigest()


def contents(raw):
    headers, args, kwargs = parts(raw)
    return {
        "task": text(headers.get("task")),
        "args": args if isinstance(args, list) else None,
        "kwargs": kwargs if isinstance(kwargs, dict) else None,
        "tags": tuple(filter(None, map(text, tags))) if isinstance(tags := headers.get("tags"), list) else (),
        "enqueued_at": moment(headers.get("enqueued_at")),
        "eta": moment(timestamp(headers.get("eta"))),
    }


def parts(raw):
    """(headers, args, kwargs) of a message, as far as they can be read."""
    try:
        headers, _, args, kwargs, _ = message.decoded(raw)
        return headers, args, kwargs
    except (message.Unreadable, RecursionError):
        headers = mapping(raw).get("headers")
        return headers if isinstance(headers, dict) else {}, None, None


def known_of(failure, died_at):
    """What is known of a job's failures, from its entry in `attempts`; of one that died, when that was in any case."""
    record = mapping(failure)
    attempt, earlier = record.get("attempt"), record.get("earlier")
    last = failure_of(record)
    return last | {
        "attempt": attempt if isinstance(attempt, int) else 0,
        "failed_at": last["failed_at"] or died_at,
        "earlier": tuple(Failure(**failure_of(each)) for each in earlier if isinstance(each, dict))
        if isinstance(earlier, list)
        else (),
    }


def failure_of(record):
    return {
        "error": text(record.get("error")),
        "message": text(record.get("message")),
        "failed_at": moment(record.get("failed_at")),
        "packed_backtrace": text(record.get("backtrace")) or "",
    }


def mapping(content):
    """A JSON object; of anything else, {}."""
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def text(value):
    """A string that every page and terminal can show; half a character of JSON's \\ud800 kind is a question mark."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def timestamp(value):
    """Seconds since 1970 of an ISO 8601 time."""
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def moment(value):
    """Seconds since 1970, or None when the value is not that."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number and 0 < value <= LAST_MOMENT else None
