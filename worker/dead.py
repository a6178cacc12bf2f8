"""Jobs that failed for good, and what is kept of a failure."""

import base64
import json
import time
import traceback
import zlib

from worker import keys

BACKTRACE_BYTES = 20_000
KEPT = 10_000  # jobs
KEPT_SECONDS = 180 * 86_400
BATCH = 1000


def trim(scripts):
    """Forget the oldest dead jobs beyond what is kept."""
    while scripts.trim([keys.DEAD, keys.ATTEMPTS], [KEPT, KEPT_SECONDS, BATCH]) >= BATCH:
        pass


def record(error, message, attempt=1, backtrace=""):
    """What is kept beside a job that failed, as JSON; the backtrace is compressed, and cut in the middle when long."""
    if len(backtrace) > BACKTRACE_BYTES:
        half = BACKTRACE_BYTES // 2
        backtrace = f"{backtrace[:half]}\n…\n{backtrace[-half:]}"
    return json.dumps(
        {
            "attempt": attempt,
            "error": error,
            "message": message[:1000],
            "backtrace": base64.b64encode(zlib.compress(backtrace.encode())).decode(),
            "failed_at": time.time(),
        }
    )


def record_of(error, attempt):
    """The record of an exception; `attempt` counts from 1."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return record(kind, str(error), attempt, "".join(traceback.format_exception(error)))
