from django.http import Http404, HttpResponse
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override

from web.jobs.access import for_staff, may_read_mail
from web.jobs.mail import letter_of, mail_of
from web.jobs.page import show
from web.jobs.shown import shown
from worker import api
from worker.api.reading import parts, text

# A mail brings its own styles and may show nothing else, as on the pages of letters.
MAIL_CSP = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": ["data:"],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}
# Of these the page says more, or they may hold what is secret among the arguments.
LEFT_OUT = ("id", "task", "eta", "enqueued_at", "argsrepr", "kwargsrepr", "tags", "lang", "retries", "ignore_result",
            "enqueued_by", "origin", "replaced_task_nesting")  # fmt: skip


@for_staff
def job(request, id):
    """All that is known of a job, wherever it is."""
    try:
        found = find(request, id)
    except api.NotFound as error:
        response = show(request, "jobs/no_job.html", id=id, looked=error)
        response.status_code = 404
        return response
    mail = mail_of(found)
    mailed, answer = api.mailed(id)
    readable = mail and not mail.is_private and may_read_mail(request.user)
    return show(
        request,
        "jobs/job.html",
        job=found,
        shown=shown([found])[0],
        headers=headers_of(found),
        enqueued_by=origin_of(found),
        mail=mail,
        readable=readable,
        still=bool(readable),  # nobody reads a mail that is loaded anew every few seconds
        mailed=mailed,
        answer=answer,
        letter=letter_of(found, request.user),
        before=-found.place.at - 1 if found.state == "waiting" else None,
    )


def headers_of(job):
    """What its producer says of a job beside its call: who enqueued it, and to what it belongs."""
    said = parts(job.raw)[0].items()
    empty = (None, "", [], [None, None], {}, job.id)
    return {name: value for name, value in said if name not in LEFT_OUT and value not in empty}


def origin_of(job):
    """Who enqueued it: a dict with some of `user`, `request` and `job`."""
    said = parts(job.raw)[0].get("enqueued_by")
    return {name: text(value) for name, value in said.items()} if isinstance(said, dict) else {}


@csp_override(MAIL_CSP)
@xframe_options_sameorigin
@for_staff
def mail(request, id):
    """The HTML body of the mail that a job carries, for the frame on the job's page."""
    try:
        found = mail_of(find(request, id))
    except api.NotFound:
        found = None
    if found is None or found.is_private or not may_read_mail(request.user):
        raise Http404
    return HttpResponse(found.html)


def find(request, id):
    try:
        at = float(request.GET.get("at", ""))
    except ValueError:
        at = None
    return api.find(id, request.GET.get("in"), at)
