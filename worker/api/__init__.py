"""Looks at jobs and operates on them: what the dashboard and `manage.py jobs` stand on. The running worker never does.

    queues() Queue(name)            sizes, latencies, pages of what waits; delete, clear and undo, pause
    scheduled retries dead          pages, search, run now, kill, delete: of some jobs, or of all
    find(id)                        a job, wherever it is
    processes() running()           who works, and at what; quiet(), stop(), stop_job(id)
    periodic()                      recurring jobs; pause_periodic(name), resume_periodic(name), run_periodic(name)
    delete() delete_all() clear()   delete jobs so that undo(token) puts them back; deleted() tells what can be
    groups()                        dead jobs that failed alike; `canary` tries one, and then the others
    stats() history() recent()      totals, days, what was done last; glance() for all that a page shows at once
    metrics() series(task)          how long the jobs of each task take; activity() of all, rates() of queues
    since_ever()                    the same of each task, never less than before
    ledger() rescue()               whether every job is somewhere; give back now what dead processes hold
    check() facts()                 what is wrong, and what mends it; what Redis tells of itself
    arguments(job)                  those of a job, by name and without what is secret

A page costs what is on it, however long the queue; what looks further says at how many jobs it looked. Jobs are shown
whoever wrote them, and whether or not they can be read. All raise a RedisError when Redis does not answer within 5 s.
Jobs come with all that is in them: `arguments` is for people to see.
"""

from worker.api import canary
from worker.api.arguments import arguments
from worker.api.bin import Deleted, clear, delete, delete_all, deleted, undo
from worker.api.books import Ledger, ledger, rescue
from worker.api.canary import Canary
from worker.api.connection import MOST
from worker.api.counts import Day, Glance, Stats, glance, history, recent, stats
from worker.api.crew import Process, processes, quiet, running, stop, stop_job
from worker.api.facts import Facts, facts
from worker.api.groups import Group, Groups, group, groups
from worker.api.health import Finding, check, storage
from worker.api.jobs import Found, NotFound, Page
from worker.api.jobset import JobSet, dead, retries, scheduled
from worker.api.measures import Measure, activity, metrics, rates, releases, series, since_ever
from worker.api.queue import Cleared, Queue, Summary, queues
from worker.api.recurring import Recurring, pause_periodic, periodic, resume_periodic, run_periodic
from worker.api.whereabouts import find, mailed, place

__all__ = [
    "MOST",
    "Canary",
    "Cleared",
    "Day",
    "Deleted",
    "Facts",
    "Finding",
    "Found",
    "Glance",
    "Group",
    "Groups",
    "JobSet",
    "Ledger",
    "Measure",
    "NotFound",
    "Page",
    "Process",
    "Queue",
    "Recurring",
    "Stats",
    "Summary",
    "activity",
    "arguments",
    "canary",
    "check",
    "clear",
    "dead",
    "delete",
    "delete_all",
    "deleted",
    "facts",
    "find",
    "glance",
    "group",
    "groups",
    "history",
    "ledger",
    "mailed",
    "metrics",
    "pause_periodic",
    "periodic",
    "place",
    "processes",
    "queues",
    "quiet",
    "rates",
    "recent",
    "releases",
    "rescue",
    "resume_periodic",
    "retries",
    "run_periodic",
    "running",
    "scheduled",
    "series",
    "since_ever",
    "stats",
    "stop",
    "stop_job",
    "storage",
    "undo",
]  # fmt: skip
