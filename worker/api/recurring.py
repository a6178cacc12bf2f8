"""The recurring jobs: when each is due, what it made last, and whether it is paused."""

from typing import NamedTuple

from worker import keys
from worker import periodic as rules
from worker.api.arguments import known_tasks
from worker.api.connection import connection
from worker.api.jobs import NotFound
from worker.api.reading import mapping, moment, text


class Recurring(NamedTuple):
    """A recurring job; times are seconds since 1970."""

    name: str  # of its task
    rule: str  # such as "every 60 s", or a line of cron
    queue: str | None
    due: float | None  # None before a worker has seen it
    paused: bool
    last_id: str | None  # the job that it made last
    last_at: float | None
    declared: bool  # whether its task is known here; if not, it makes no jobs


def periodic():
    """Every recurring job, by name: those declared here, and those of which Redis still knows from another release."""
    pipe = connection().pipeline(transaction=False)
    pipe.hgetall(keys.PERIODIC_NEXT).hgetall(keys.PERIODIC_LAST).smembers(keys.PERIODIC_PAUSED)
    cursors, last, paused = pipe.execute()
    entries = {entry.name: entry for entry in declared()}
    names = sorted({*entries, *(name.decode() for name in cursors)})
    return [recurring(name, entries.get(name), cursors, last, paused) for name in names]


def declared():
    known_tasks()
    return rules.entries()


def recurring(name, entry, cursors, last, paused):
    due, _, rule = cursors.get(name.encode(), b"").decode().partition("|")
    made = mapping(last.get(name.encode()))
    return Recurring(
        name=name,
        rule=entry.rule if entry else rule,
        queue=entry.queue if entry else None,
        due=float(due) if due and entry and rule == entry.rule else None,
        paused=name.encode() in paused,
        last_id=text(made.get("id")),
        last_at=moment(made.get("at")),
        declared=entry is not None,
    )


def pause_periodic(name):
    """Let a recurring job make no jobs until it is resumed. Raises NotFound when there is none of this name."""
    connection().sadd(keys.PERIODIC_PAUSED, known(name))


def resume_periodic(name):
    """Let it make jobs again, from its next time on. Raises NotFound as `pause_periodic` does."""
    connection().srem(keys.PERIODIC_PAUSED, known(name))


def run_periodic(name):
    """Make its job now; returns the job's id. Raises NotFound as `pause_periodic` does."""
    return rules.run_now(known(name))


def known(name):
    names = [entry.name for entry in declared()]
    if name not in names:
        raise NotFound(f"no recurring job {name}: {', '.join(names) or 'none'} is declared")
    return name
