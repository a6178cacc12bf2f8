"""What was deleted by hand, which can be put back for a day."""

import json
import secrets
from typing import NamedTuple

from worker import keys
from worker.api.connection import CHUNK, clock, connection, scripts
from worker.api.queue import Cleared, Queue
from worker.api.reading import mapping
from worker.api.whereabouts import SETS

SECONDS = 86_400


class Deleted(NamedTuple):
    """Jobs that somebody deleted together."""

    token: str
    key: str  # of the queue or set in which they were
    size: int
    whole: bool  # whether all of a queue was cleared, at once
    by: str
    at: float  # seconds since 1970


def delete(jobs, picked, by=""):
    """Delete some jobs of a Queue or JobSet; a Cleared says how many were still there. by: who does it."""
    token = secrets.token_urlsafe(9)
    return remember(jobs.key, Cleared(jobs.delete(picked, token), token), False, by)


def delete_all(jobs, by=""):
    """Delete all jobs of a JobSet that are there now."""
    token = secrets.token_urlsafe(9)
    return remember(jobs.key, Cleared(jobs.delete_all(token), token), False, by)


def clear(name, by=""):
    """Delete all jobs of a queue, in one step."""
    return remember(name, Queue(name).clear(SECONDS), True, by)


def remember(key, cleared, whole, by):
    if cleared.size:
        entry = {"key": key, "size": cleared.size, "whole": whole, "by": by, "at": clock()}
        connection().hset(keys.DELETED, cleared.token, json.dumps(entry))
    return cleared


def deleted():
    """What can be put back, as a list of Deleted, the newest first; what is too old is forgotten."""
    found = {token.decode(): mapping(entry) for token, entry in connection().hgetall(keys.DELETED).items()}
    latest = clock() - SECONDS
    if old := [token for token, entry in found.items() if entry["at"] < latest]:
        connection().hdel(keys.DELETED, *old)
    kept = [Deleted(token=token, **entry) for token, entry in found.items() if token not in old]
    return sorted(kept, key=lambda each: -each.at)


def undo(token):
    """Put back what was deleted, in front of what came meanwhile; returns how many jobs, 0 when it is too late.

    When this ends in the middle nothing is lost: a second call goes on.
    """
    entry = mapping(connection().hget(keys.DELETED, token))
    if not entry:
        return 0
    key = entry["key"]
    count = Queue(key).undo(token) if entry["whole"] else restore(key, token)
    connection().hdel(keys.DELETED, token)
    return count


def restore(key, token):
    names = [key, keys.undo(key, token), keys.ATTEMPTS, keys.DELIVERIES, keys.LEDGER]
    fetched, count = SETS[key].fetched if key in SETS else 0, 0
    while back := scripts().restore(names, [CHUNK, fetched]):
        count += back
    return count
