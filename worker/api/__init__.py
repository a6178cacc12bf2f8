"""Looks at jobs and operates on them: what the dashboard and `manage.py jobs` stand on. The running worker never does.

    queues() Queue(name)            sizes, latencies, pages of what waits; delete, clear and undo, pause
    scheduled retries dead          pages, search, run now, kill, delete: of some jobs, or of all
    find(id)                        a job, wherever it is
    processes() running()           who works, and at what; quiet(), stop(), stop_job(id)
    periodic()                      recurring jobs; pause_periodic(name), resume_periodic(name), run_periodic(name)
    stats() history() recent()      totals, days, what was done last
    metrics() series(task)          how long the jobs of each task take
    ledger()                        whether every job is somewhere
    check()                         what is wrong, and what mends it

A page costs what is on it, however long the queue; what looks further says at how many jobs it looked. Jobs are shown
whoever wrote them, and whether or not they can be read. All raise a RedisError when Redis does not answer within 5 s.
Nothing is masked here: worker/job.py has `masked` for what people see.
"""

from worker.api.books import Ledger, ledger
from worker.api.counts import Day, Measure, Stats, history, metrics, recent, series, stats
from worker.api.crew import Process, processes, quiet, running, stop, stop_job
from worker.api.health import Finding, check
from worker.api.jobs import Found, NotFound, Page
from worker.api.jobset import JobSet, dead, retries, scheduled
from worker.api.queue import Cleared, Queue, Summary, queues
from worker.api.recurring import Recurring, pause_periodic, periodic, resume_periodic, run_periodic
from worker.api.whereabouts import find

__all__ = [
    "Cleared", "Day", "Finding", "Found", "JobSet", "Ledger", "Measure", "NotFound", "Page", "Process", "Queue",
    "Recurring", "Stats", "Summary", "check", "dead", "find", "history", "ledger", "metrics", "pause_periodic",
    "periodic", "processes", "queues", "quiet", "recent", "resume_periodic", "retries", "run_periodic", "running",
    "scheduled", "series", "stats", "stop", "stop_job",
]  # fmt: skip
