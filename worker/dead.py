"""Jobs that failed for good, and what is kept of a failure."""

import base64
import json
import logging
import time
import traceback
import zlib
from typing import NamedTuple

from worker import keys, limits, log
from worker.message import Unreadable, decoded, id_of

logger = logging.getLogger(__name__)

BACKTRACE_BYTES = 20_000
EARLIER = 5  # failures of a job that are kept beside its last one
KEPT = 10_000  # jobs
KEPT_SECONDS = 180 * 86_400
BATCH = 1000

# Called with each job that has died, as (job, error): job is a Death, error an exception. For alarms; they run in the
# worker, and what they raise is logged.
handlers = []


class Death(NamedTuple):
    """A job that has died; name, args and kwargs are None when its message cannot be read."""

    id: str
    name: str | None
    queue: str
    args: list | None
    kwargs: dict | None
    headers: dict  # of its message


def tell(queue, message, error):
    """Write it to the log, and call the handlers; `message` in bytes."""
    try:
        headers, _, args, kwargs, _ = decoded(message)
        death = Death(headers["id"], headers["task"], queue, args, kwargs, headers)
    except Unreadable:
        death = Death(id_of(message), None, queue, None, None, {})
    log.died(death, error)
    for handler in handlers:
        try:
            handler(death, error)
        except Exception:
            logger.exception("the death handler %r failed for job=%s", handler, death.id)
    limits.clean()


def trim(scripts):
    """Forget the oldest dead jobs beyond what is kept."""
    while scripts.trim([keys.DEAD, keys.ATTEMPTS, keys.DELIVERIES, keys.LEDGER], [KEPT, KEPT_SECONDS, BATCH]) >= BATCH:
        pass


def record(error, message, attempt=1, backtrace="", before=b""):
    """What is kept beside a job that failed, as JSON; the backtrace is compressed, and cut in the middle when long.

    before: the record of the failure before, in bytes or empty; it becomes the first of `earlier`. A backtrace that is
    that of the next failure too is left out there.
    """
    if len(backtrace) > BACKTRACE_BYTES:
        half = BACKTRACE_BYTES // 2
        backtrace = f"{backtrace[:half]}\n…\n{backtrace[-half:]}"
    packed = base64.b64encode(zlib.compress(backtrace.encode(errors="replace"))).decode()
    last = json.loads(before or b"{}")
    earlier = last.pop("earlier", [])
    last.pop("attempt", None)
    if last.get("backtrace") == packed:
        del last["backtrace"]
    return json.dumps(
        {
            "attempt": attempt,
            "error": error,
            "message": message[:1000],
            "backtrace": packed,
            "failed_at": time.time(),
            "earlier": ([last] if last else []) + earlier[: EARLIER - 1],
        }
    )


def record_of(error, attempt, before=b""):
    """The record of an exception; `attempt` counts from 1."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return record(kind, text_of(error), attempt, "".join(traceback.format_exception(error)), before)


def text_of(error):
    try:
        return str(error)
    except Exception as other:
        return f"(its text cannot be had: {other!r})"
