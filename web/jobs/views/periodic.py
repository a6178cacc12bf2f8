from web.jobs.access import for_staff
from web.jobs.page import show
from worker import api
from worker.errors import ConfigurationError


@for_staff
def index(request):
    """The recurring jobs; of a rule that cannot be read, the sentence that says so."""
    recurring, wrong = [], None
    try:
        recurring = api.periodic()
    except ConfigurationError as error:
        wrong = error
    return show(request, "jobs/periodic.html", recurring=recurring, wrong=wrong)
