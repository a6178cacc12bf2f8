from web.jobs.access import for_staff
from web.jobs.page import show
from worker import api


@for_staff
def index(request):
    """Whether every job that was accepted is somewhere."""
    return show(request, "jobs/ledger.html", ledger=api.ledger())
