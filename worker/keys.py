"""Every key of the jobs Redis: its name, its type, what it means.

A job is in exactly one of: a queue, an `inflight`, `schedule`, `retry`, `dead`. There it is its message, byte for byte
as it was enqueued; outside its own queue the name of that queue and a line break stand before it. What changes between
attempts is kept beside the message, by the job's id.
"""

# sorted set: job -> when it is due, seconds since 1970. Jobs that were enqueued for later.
SCHEDULE = "schedule"
# sorted set: job -> when it is due. Jobs that failed and are tried again.
RETRY = "retry"
# sorted set: job -> when it died. Jobs that failed for good, and what could not be read; kept 180 days, 10,000 of them.
DEAD = "dead"
# hash: job id -> JSON {attempt, error, message, backtrace, failed_at}. Of each job that has failed and is not done.
ATTEMPTS = "attempts"
# hash: job id -> how often its process died with it. Of each job that was rescued and is not done.
DELIVERIES = "deliveries"
# sorted set: process -> its last sign of life. A process that is not in it may not fetch.
PROCESSES = "processes"
# string, by job id, for an hour: that the job was pushed, so that a push that was in doubt can be repeated.
DEDUPE = "dedupe:"


def inflight(process):
    """hash: tag -> job. What the process has fetched and not finished; the tag is a number that the process chose."""
    return f"inflight:{process}"


def process(process):
    """hash: what the process tells of itself (host, pid, queues, concurrency, busy, …); gone a minute after it is."""
    return f"process:{process}"


OURS = ("schedule", "retry", "dead", "attempts", "deliveries", "processes", "paused")
PREFIXES = ("inflight:", "process:", "work:", "dedupe:", "done:", "undo:", "periodic:", "signals:", "stat:", "metrics:")


def is_ours(name):
    """Whether a queue of this name would collide with one of our keys."""
    return name in OURS or name.startswith(PREFIXES)
