"""What a form of the dashboard is about: a queue or a set of jobs, and some of the jobs there.

All raise BadRequest for a form that is none of ours.
"""

from django.core.exceptions import BadRequest

from worker import api


def chosen_place(request):
    place = api.place(request.POST.get("place"))
    if place is None:
        raise BadRequest("place: the name of a queue, schedule, retry or dead")
    return place


def chosen_set(request):
    place = chosen_place(request)
    if isinstance(place, api.Queue):
        raise BadRequest("place: schedule, retry or dead")
    return place


def chosen_queue(request):
    place = chosen_place(request)
    if not isinstance(place, api.Queue):
        raise BadRequest("place: the name of a queue")
    return place


def chosen_jobs(request):
    """(id, place) of each job that was picked, or that a search finds; None for all that are there."""
    scope = request.POST.get("scope")
    if scope == "all":
        return None
    if scope == "found":
        found = chosen_place(request).search(request.POST.get("q", "")).jobs
        return [(job.id, job.place.at) for job in found]
    return [pair(each) for each in request.POST.getlist("picked")]


def pair(text):
    at, bar, id = text.partition("|")
    try:
        number = float(at)
    except ValueError:
        bar = ""
    if not bar:
        raise BadRequest("picked: place|id")
    return id, int(number) if number.is_integer() and number < 0 else number
