"""The worker processes: what each tells of itself, what it runs, and what it is told to do."""

from dataclasses import replace
from typing import NamedTuple

from worker import keys
from worker.api.connection import clock, connection
from worker.api.jobs import NotFound, counted
from worker.api.reading import mapping, moment, read, text
from worker.job import State
from worker.reaper import SILENCE

SIGNAL_SECONDS = 60  # after which an order that nobody took is forgotten


class Process(NamedTuple):
    """A worker process, as of its last sign of life; None is what it did not tell."""

    id: str
    alive: bool  # whether its last sign of life is younger than what others take for death
    beat: float  # when it was, by the clock of Redis
    host: str | None
    pid: int | None
    started: float | None
    queues: list[str]
    concurrency: int
    busy: int
    rss: int | None  # bytes
    release: str | None
    quiet: bool
    engine: str | None


def processes():
    """Every process that is registered, by name."""
    registered = connection().zrange(keys.PROCESSES, 0, -1, withscores=True)
    beats = {id.decode(errors="replace"): beat for id, beat in registered}
    pipe = connection().pipeline(transaction=False)
    for id in beats:
        pipe.hgetall(keys.process(id))
    now = clock()
    return sorted(
        process(id, beat, now, facts) for (id, beat), facts in zip(beats.items(), pipe.execute(), strict=True)
    )


def process(id, beat, now, facts):
    told = {name.decode(): value.decode(errors="replace") for name, value in facts.items()}
    return Process(
        id=id,
        alive=now - beat < SILENCE,
        beat=beat,
        host=told.get("host"),
        pid=number(told.get("pid")),
        started=number(told.get("started")),
        queues=[name for name in told.get("queues", "").split(",") if name],
        concurrency=number(told.get("concurrency")) or 0,
        busy=number(told.get("busy")) or 0,
        rss=number(told.get("rss")),
        release=told.get("release") or None,
        quiet=told.get("quiet") == "1",
        engine=told.get("engine"),
    )


def number(value):
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return int(found) if found.is_integer() else found


def running():
    """The jobs that processes hold, as Jobs with their process, thread and start, the longest running first.

    A job that was taken since the last sign of life of its process has no thread and start yet, and comes last.
    """
    ids = [process.id for process in processes()]
    pipe = connection().pipeline(transaction=False)
    for id in ids:
        pipe.hgetall(keys.inflight(id))
        pipe.hgetall(keys.work(id))
    found = iter(pipe.execute())
    jobs = [job for id, held, work in zip(ids, found, found, strict=True) for job in of_process(id, held, work)]
    return sorted(jobs, key=lambda job: (job.started is None, job.started))


def of_process(id, held, work):
    entries = [(entry, int(tag)) for tag, entry in held.items()]
    for job in read(keys.inflight(id), State.RUNNING, entries):
        told = mapping(work.get(b"%d" % job.place.at))
        same = told.get("id") == job.id
        yield replace(
            job,
            process=id,
            thread=text(told.get("thread")) if same else None,
            started=moment(told.get("started")) if same else None,
            progress=progress(told.get("progress")) if same else None,
        )


def progress(told):
    """(done, total, text) of a job that tells how far it is."""
    match told:
        case [int() | float() as done, int() | float() as total, words] if total > 0:
            return min(max(0, done), total), total, text(words) or ""
    return None


def quiet(process=None):
    """Tell a process, or all, to take no more jobs; those that run end as ever. It obeys within 5 s.

    Returns the processes that were told. Raises NotFound for one that is not registered.
    """
    return tell("quiet", process)


def stop(process=None):
    """Tell a process, or all, to stop: what has not ended after 25 s is put back. Returns and raises as `quiet`."""
    return tell("stop", process)


def stop_job(id):
    """Tell the process that runs this job to end it in the middle; it goes to dead. Returns the process.

    A call into C, such as a query or a sleep, ends first. Raises NotFound when nobody runs it.
    """
    jobs = running()
    for job in jobs:
        if job.id == id:
            return tell(f"stop-job {id}", job.process)[0]
    raise NotFound(f"no job {id} that runs: {counted(len(jobs))} found")


def tell(order, process):
    known = [each.id for each in processes()]
    if process is not None and process not in known:
        raise NotFound(f"no process {process}: registered are {', '.join(known) or 'none'}")
    told = known if process is None else [process]
    pipe = connection().pipeline()
    for id in told:
        pipe.rpush(keys.signals(id), order)
        pipe.expire(keys.signals(id), SIGNAL_SECONDS)
    pipe.execute()
    return told
