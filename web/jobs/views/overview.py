from django.utils.formats import date_format

from web.jobs import charts
from web.jobs.access import for_staff
from web.jobs.findings import told
from web.jobs.page import show
from worker import api

SPANS = {"week": 7, "month": 30, "quarter": 91, "half": 182}  # days
MINUTES = 60


@for_staff
def index(request):
    """Counts, the last hour, the last weeks, and Redis."""
    span = request.GET.get("span")
    span = span if span in SPANS else "month"
    days = api.history(SPANS[span])
    return show(
        request,
        "jobs/overview.html",
        live=charts.bars((charts.clock(at), count, failed) for at, count, failed in api.activity(MINUTES)),
        history=charts.bars((date_format(day.date, "DATE_FORMAT"), day.processed, day.failed) for day in days),
        span=span,
        facts=api.facts(),
        findings=map(told, api.storage()),
    )
