"""What `manage.py jobs` prints: each function returns the data for --json, and the text for people."""

from worker import api, job
from worker.celery import app
from worker.job import State
from worker.management.tables import span, table, when

SETS = {"scheduled": api.scheduled, "retries": api.retries, "dead": api.dead}
MEGABYTE = 1024 * 1024


def stats(**_):
    counts, ledger = api.stats(look_at=None), api.ledger(look_at=None)
    data = counts._asdict() | {"ledger": ledger._asdict()}
    failed = f"of which {counts.failed:,} failed" if counts.failed else "none of which failed"
    text = f"Attempts that ended: {counts.processed:,}, {failed}. Workers that are alive: {counts.processes:,}."
    rows = [(word, getattr(ledger, name), meaning) for word, name, meaning in LEDGER]
    return data, f"{text}\n\n{table(('JOBS', 'NUMBER', ''), rows)}"


LEDGER = (
    ("waiting", "waiting", State.WAITING.meaning),
    ("scheduled", "scheduled", State.SCHEDULED.meaning),
    ("running", "inflight", State.RUNNING.meaning),
    ("retrying", "retrying", State.RETRYING.meaning),
    ("dead", "dead", State.DEAD.meaning),
    ("done", "done", State.DONE.meaning),
    ("deleted", "deleted", "By somebody, or when they had been dead for long."),
    ("discarded", "discarded", "Failed for good, and their task wants none kept."),
    ("expired", "expired", "Were to run before a time that had passed."),
    ("stranded", "stranded", "Were taken from a queue, and are in no place."),
    ("accepted", "accepted", "All of these."),
)


def queues(**_):
    found = api.queues(look_at=None)
    rows = [(queue.name, queue.size, span(queue.latency), queue.listeners, state_of(queue)) for queue in found]
    text = table(("QUEUE", "JOBS", "OLDEST", "LISTENERS", "STATE"), rows)
    return [queue._asdict() | {"unheard": queue.unheard} for queue in found], text


def state_of(queue):
    return ", ".join(filter(None, ("paused" if queue.paused else "", "nobody listens" if queue.unheard else "")))


def processes(**_):
    found = api.processes()
    rows = [
        (
            process.id,
            f"{process.busy}/{process.concurrency}",
            process.rss and f"{process.rss / MEGABYTE:,.0f} MB",
            when(process.started),
            "quiet" if process.quiet else "working" if process.alive else "silent",
            f"queues {', '.join(process.queues)}" + (f", release {process.release}" if process.release else ""),
        )
        for process in found
    ]
    text = table(("PROCESS", "BUSY", "MEMORY", "STARTED", "STATE"), rows)
    return [process._asdict() for process in found], text if found else "No worker is alive: celery -A worker worker"


def jobs(action, page=1, **_):
    found = SETS[action].page(page)
    data = found._asdict() | {"jobs": [described(each) for each in found.jobs]}
    if not found.jobs:
        return data, f"No job is {SETS[action].state}."
    rows = [row(each) for each in found.jobs]
    headings = ("ID", "QUEUE", "DIED" if action == "dead" else "DUE", "FAILURES")
    more = f"\n\nPage {found.number} of {found.last}, {found.total:,} in all: --page N" if found.last > 1 else ""
    return data, table(headings, rows) + more


scheduled = retries = dead = jobs


def row(each):
    error = f"{each.error}: {each.message}" if each.error else None
    return each.id, each.queue, when(each.place.at), each.attempt, call(each), error


def call(each):
    if each.args is None or each.kwargs is None:
        return f"{each.task or ''} cannot be read ({len(each.raw):,} bytes)".strip()
    return f"{each.task} {arguments(each)}"


def described(each):
    """A job for JSON, without what is secret in it."""
    known = {name: getattr(each, name) for name in FIELDS}
    return known | {"arguments": arguments(each), "place": each.place._asdict()}


FIELDS = (
    "id", "state", "task", "queue", "enqueued_at", "due", "attempt", "error", "message", "failed_at", "backtrace",
)  # fmt: skip


def arguments(each):
    """The arguments of a job as text; those that are called like secrets are hidden."""
    if each.args is None or each.kwargs is None:
        return None
    task = app.tasks.get(each.task)
    return job.masked(job.parameters_of(task) if task else [], each.args, each.kwargs)


def periodic(**_):
    found = api.periodic()
    states = {each.name: "paused" if each.paused else "" if each.declared else "not declared here" for each in found}
    rows = [(each.name, each.rule, when(each.due), when(each.last_at), states[each.name]) for each in found]
    text = table(("RECURRING", "RULE", "DUE", "LAST", "STATE"), rows)
    return [each._asdict() for each in found], text if found else "No recurring jobs are declared."


def check(**_):
    found = api.check()
    lines = [f"{each.text}\n  {each.mend}" for each in found]
    return [each._asdict() for each in found], "\n".join(lines) or "All is well."
