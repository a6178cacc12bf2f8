from web.jobs.access import for_staff
from web.jobs.page import PER_PAGE, number, show
from web.jobs.shown import shown
from worker import api


@for_staff
def scheduled(request):
    return page_of(request, api.scheduled, "jobs/scheduled.html")


@for_staff
def retries(request):
    return page_of(request, api.retries, "jobs/retries.html")


@for_staff
def dead(request):
    return page_of(request, api.dead, "jobs/dead.html")


@for_staff
def groups(request):
    """The dead by what they have in common, with the trials that run."""
    found = api.groups(api.MOST) if request.GET.get("all") else api.groups()
    some, canaries = found.groups[:PER_PAGE], api.canary.canaries()
    newest = shown(api.dead.read([group.entries[0] for group in some]))
    known = {group.id for group in found.groups}
    return show(
        request,
        "jobs/groups.html",
        found=found,
        groups=[(group, each, canaries.get(group.id)) for group, each in zip(some, newest, strict=True)],
        others=[canary for canary in canaries.values() if canary.group not in known],
    )


def page_of(request, jobs, template):
    """A page of a set of jobs, or what a search finds in it."""
    text = request.GET.get("q", "").strip()
    found = jobs.search(text) if text else None
    page = None if found else jobs.page(number(request), PER_PAGE)
    return show(
        request,
        template,
        text=text,
        found=found,
        page=page,
        jobs=shown((found or page).jobs[: 2 * PER_PAGE]),
        place=jobs.key,
        deleted=[each for each in api.deleted() if each.key == jobs.key],
    )
