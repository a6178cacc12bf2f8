"""Numbers for machines."""

from django.http import Http404, HttpResponse, JsonResponse

from web.jobs.access import for_machines
from worker import api


@for_machines
def stats(request):
    """Totals, and what waits in each queue, as JSON."""
    look = api.glance()
    queues = {each.name: each._asdict() | {"unheard": each.unheard} for each in look.queues}
    return JsonResponse({**look.stats._asdict(), "queues": queues})


@for_machines
def latency(request, queue):
    """How many seconds the oldest job of a queue has waited, as a plain number; 0 when it is empty."""
    jobs = api.place(queue)
    if not isinstance(jobs, api.Queue):
        raise Http404
    return HttpResponse(f"{jobs.latency() or 0:.3f}\n", content_type="text/plain")
