from typing import NamedTuple

from django.http import Http404

from web.jobs.access import for_staff
from web.jobs.page import PER_PAGE, number, show
from web.jobs.shown import shown
from worker import api
from worker.api.whereabouts import SETS


class Forecast(NamedTuple):
    """A queue, and when it will be empty if nothing more comes."""

    queue: api.Summary
    rate: float  # jobs that end in a second

    @property
    def seconds(self):
        return self.queue.size / self.rate if self.rate and self.queue.size else None

    @property
    def with_one_more(self):
        """Seconds, with one more worker like those there are; None without any."""
        workers = self.queue.listeners
        return self.seconds and self.seconds * workers / (workers + 1) if workers else None


@for_staff
def index(request):
    look = api.glance()
    rates = api.rates()
    forecasts = [Forecast(queue, rates.get(queue.name, 0)) for queue in look.queues]
    names = {queue.name for queue in look.queues}
    deleted = [each for each in api.deleted() if each.key in names or each.key not in SETS]
    return show(request, "jobs/queues.html", look, forecasts=forecasts, deleted=deleted)


@for_staff
def queue(request, queue):
    """What waits in a queue, the oldest first, or what a search finds in it."""
    jobs = api.place(queue)
    if jobs is None or queue in SETS:
        raise Http404
    look = api.glance()
    summary = next((each for each in look.queues if each.name == queue), api.Summary(queue, 0, None, False, 0))
    text = request.GET.get("q", "").strip()
    found = jobs.search(text) if text else None
    page = None if found else jobs.page(number(request), PER_PAGE)
    return show(
        request,
        "jobs/queue.html",
        look,
        queue=summary,
        forecast=Forecast(summary, api.rates().get(queue, 0)),
        text=text,
        found=found,
        page=page,
        jobs=shown((found or page).jobs[: 2 * PER_PAGE]),
        place=queue,
        deleted=[each for each in api.deleted() if each.key == queue],
    )
