"""What all pages of the dashboard share."""

from django.shortcuts import render

from web.jobs.access import may_operate
from worker import api

PER_PAGE = 25
REFRESH = (2, 5, 10)  # seconds


def show(request, template, look=None, **context):
    """Render a page with the counts of its navigation. look: what `api.glance` says, if that is known."""
    look = look or api.glance()
    shared = {
        "stats": look.stats,
        "queues": look.queues,
        "unheard": [queue for queue in look.queues if queue.unheard],
        "living": look.stats.processes,
        "may_operate": may_operate(request.user),
        "refresh": REFRESH,
        "here": request.get_full_path(),
        "still": bool(request.GET.get("q")),  # a search is not repeated every few seconds
    }
    return render(request, template, shared | context)


def number(request, name="page"):
    """A number of the query, at least 1, and 1 for what is no number."""
    text = request.GET.get(name, "")
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 10 else 1
