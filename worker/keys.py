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
# hash: job id -> JSON {attempt, error, message, backtrace, failed_at, earlier: [{error, …}, …]}. Of each job that has
# failed and is not done.
ATTEMPTS = "attempts"
# hash: job id -> how often its process died with it. Of each job that was rescued and is not done.
DELIVERIES = "deliveries"
# sorted set: process -> its last sign of life. A process that is not in it may not fetch.
PROCESSES = "processes"
# set: the queues that nobody fetches from.
PAUSED = "paused"

# hash: what became of jobs. `fetched`: taken from a queue and not put back to one; each of these is by now inflight, in
# retry, in dead, or counted as `done`, `deleted`, `discarded` or `expired`.
LEDGER = "stat:ledger"
# hashes: attempts that ended, and those that failed, by UTC day as days since 1970, and as `total`.
PROCESSED = "stat:processed"
FAILED = "stat:failed"
# list, the newest first, 1,000 at most: JSON {id, task, queue, process, finished, elapsed}. Jobs that were done.
RECENT = "stat:recent"

# sorted set: release -> when its first process joined; the newest 50. For the marks in charts.
RELEASES = "stat:releases"

# hash: token -> JSON {key, size, whole, by, at}. What can be put back: see `undo`.
DELETED = "stat:deleted"
# hash: group of dead jobs -> JSON. Trials of whether they succeed by now: worker/api/canary.py.
CANARIES = "stat:canaries"

# hash: name -> "{when it is due next}|{its rule}". Recurring jobs.
PERIODIC_NEXT = "periodic:next"
# hash: name -> JSON {id, at}: the last job that was made.
PERIODIC_LAST = "periodic:last"
# set: the names of recurring jobs that make no jobs.
PERIODIC_PAUSED = "periodic:paused"


def inflight(process):
    """hash: tag -> job. What the process has fetched and not finished; the tag is a number that the process chose."""
    return f"inflight:{process}"


def process(process):
    """hash: what the process tells of itself (host, pid, queues, concurrency, busy, …); gone a minute after it is."""
    return f"process:{process}"


def work(process):
    """hash: tag -> JSON {id, task, queue, started, thread, progress}. What it ran at its last sign of life."""
    return f"work:{process}"


def signals(process):
    """list: `quiet`, `stop`, `stop-job {id}`. What the process is told to do with its next sign of life."""
    return f"signals:{process}"


def dedupe(id):
    """string, for an hour: the job was pushed, so that a push that was in doubt can be repeated."""
    return f"dedupe:{id}"


def done(id):
    """string: JSON. What is known of a job for whom it asked for that, for as long as its task says.

    Of "{id}.{n}": for whom a server has taken its n-th mail, and its answer; for a day, or as long as a dead job is
    kept if some of its recipients were refused.
    """
    return f"done:{id}"


def undo(place, token):
    """list, for a minute to a day: what was in the queue when somebody cleared it; or of each job that was deleted from
    a queue or set, four: the job, its score, attempts and deliveries. The ledger counts these jobs as deleted."""
    return f"undo:{token}:{place}"


def canary(group):
    """list, for a day: JSON [id, score, time of its failure]. The dead jobs that follow one that succeeded."""
    return f"stat:canary:{group}"


def metrics(minute, minutes=1):
    """hash: "{task}|{n, f, ms or h0 … h25}" -> count, and the same of "@{queue}". Of each minute for 8 h, of each ten
    minutes for 72 h.

    n: attempts that ended, f: that failed, ms: what they took together, h{i}: how many took less than 20·2^i ms.
    """
    return f"metrics:{minutes}m:{minute}"


# hash: the same fields. Of all time, for who can take only a count that never falls (Prometheus).
METRICS_TOTAL = "metrics:total"


def priorities(queue):
    """lists, which are stock Celery's: jobs for which it was told a priority, by that; 0, the first, is in the queue.

    Any worker brings them to their queue. Here a job that must not wait has a queue of its own.
    """
    return [f"{queue}\x06\x16{priority}" for priority in range(1, 10)]


OURS = ("schedule", "retry", "dead", "attempts", "deliveries", "processes", "paused")
PREFIXES = ("inflight:", "process:", "work:", "dedupe:", "done:", "undo:", "periodic:", "signals:", "stat:", "metrics:")


def is_ours(name):
    """Whether a queue of this name would collide with one of our keys."""
    return name in OURS or name.startswith(PREFIXES)
