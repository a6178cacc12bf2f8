"""What operators do: each is a POST, one call, a redirect and a notice that says what was done."""

import logging
from functools import wraps

import redis
from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from web.jobs.access import may_operate, turned_away
from web.jobs.choice import chosen_jobs, chosen_place, chosen_queue, chosen_set
from web.jobs.tasks import release as step
from worker import api

logger = logging.getLogger(__name__)


def action(view):
    """The view does something and returns what to tell about it."""

    @require_POST
    @wraps(view)
    def guarded(request):
        if away := turned_away(request):
            return away
        if not may_operate(request.user):
            raise PermissionDenied
        try:
            notice = view(request)
        except api.NotFound:
            messages.warning(request, _("It has moved on meanwhile: nothing was changed."))
        except redis.RedisError as error:
            messages.error(request, _("Redis did not do it: %s") % error)
        else:
            logger.info("%s by %s: %s", view.__name__, request.user, notice)
            messages.success(request, notice)
        return redirect(back(request))

    return guarded


def back(request):
    page = request.POST.get("next")
    return page if url_has_allowed_host_and_scheme(page, request.get_host(), request.is_secure()) else "jobs"


@action
def run(request):
    jobs = chosen_set(request)
    return tell(request, jobs.run_now, jobs.run_all_now, _("Sent to their queues: %s."))


@action
def kill(request):
    jobs = chosen_set(request)
    return tell(request, jobs.kill, jobs.kill_all, _("Moved to dead: %s."))


@action
def delete(request):
    jobs, by = chosen_place(request), str(request.user)
    everything = (lambda: api.clear(jobs.key, by)) if isinstance(jobs, api.Queue) else lambda: api.delete_all(jobs, by)
    return tell(
        request,
        lambda picked: api.delete(jobs, picked, by).size,
        lambda: everything().size,
        _("Deleted: %s. For a day they can be put back."),
    )


@action
def undo(request):
    return done(api.undo(request.POST.get("token", "")), None, _("Put back: %s."))


@action
def pause(request):
    queue = chosen_queue(request)
    queue.pause()
    return _("The queue %s was paused.") % queue.name


@action
def resume(request):
    queue = chosen_queue(request)
    queue.resume()
    return _("The queue %s was resumed.") % queue.name


@action
def quiet(request):
    told = api.quiet(request.POST.get("process") or None)
    return ngettext("%d worker was told to take no more jobs.", "%d workers were told to take no more jobs.", len(told)) % len(told)  # fmt: skip  # noqa: E501


@action
def stop(request):
    told = api.stop(request.POST.get("process") or None)
    return ngettext("%d worker was told to stop.", "%d workers were told to stop.", len(told)) % len(told)


@action
def stop_job(request):
    api.stop_job(request.POST.get("id", ""))
    return _("The job was told to stop. It will be among the dead.")


@action
def pause_periodic(request):
    api.pause_periodic(name := request.POST.get("name", ""))
    return _("%s was paused.") % name


@action
def resume_periodic(request):
    api.resume_periodic(name := request.POST.get("name", ""))
    return _("%s was resumed.") % name


@action
def run_periodic(request):
    api.run_periodic(name := request.POST.get("name", ""))
    return _("A job of %s was enqueued.") % name


@action
def rescue(request):
    return _("Given back to their queues: %s.") % jobs_counted(api.rescue())


@action
def try_one(request):
    api.canary.try_one(request.POST.get("group", ""))
    return _("One of them was sent to its queue. When it has succeeded, the others may follow.")


@action
def release(request):
    group, rate = request.POST.get("group", ""), request.POST.get("rate", "")
    if not rate.isdecimal() or not 1 <= int(rate) <= 1000:
        raise BadRequest("rate: a whole number from 1 to 1000")
    api.canary.release(group, int(rate))
    step.enqueue(group)
    return _("The others follow, %s in a second, until one fails.") % rate


@action
def halt(request):
    api.canary.halt(request.POST.get("group", ""))
    return _("The trial was ended.")


def tell(request, some, everything, text):
    """Do it to the jobs that were chosen: `some` is called with them, or `everything` with nothing."""
    chosen = chosen_jobs(request)
    if chosen is None:
        return done(everything(), None, text)
    return done(some(chosen), len(chosen), text) if chosen else _("No job was selected.")


def done(count, wanted, text):
    if not count:
        raise api.NotFound("none of them")
    told = text % jobs_counted(count)
    if not wanted or count >= wanted:
        return told
    return told + " " + _("The others had moved on meanwhile.")


def jobs_counted(count):
    return ngettext("%d job", "%d jobs", count) % count
