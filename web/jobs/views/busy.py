from collections import Counter

from web.jobs.access import for_staff
from web.jobs.page import show
from web.jobs.shown import shown
from worker import api

SHOWN = 200


@for_staff
def index(request):
    """The processes, and what they run."""
    look, jobs = api.glance(), api.running()
    queues = Counter(job.queue for job in jobs)
    threads = sum(process.concurrency for process in look.processes if process.alive)
    return show(
        request,
        "jobs/busy.html",
        look,
        processes=look.processes,
        threads=threads,
        running=shown(jobs[:SHOWN]),
        more=max(0, len(jobs) - SHOWN),
        by_queue=queues.most_common(),
    )
