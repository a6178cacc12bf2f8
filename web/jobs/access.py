"""Who may look at the dashboard, who may operate it, and what they see when there is nothing to look at."""

import hmac
from functools import wraps

import redis
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from web.signin import redirect_to_signin
from worker import config, env


def for_staff(view):
    """A page: others sign in, or are turned away."""

    @require_safe
    @never_cache
    @wraps(view)
    def guarded(request, *args, **kwargs):
        return turned_away(request) or looked(view, request, *args, **kwargs)

    return guarded


def for_machines(view):
    """Numbers for staff, and for whoever has the METRICS_TOKEN, since an autoscaler cannot sign in."""

    @require_safe
    @never_cache
    @wraps(view)
    def guarded(request, *args, **kwargs):
        if "Authorization" not in request.headers:
            return turned_away(request) or looked(view, request, *args, **kwargs)
        return without_token(request) or looked(view, request, *args, **kwargs)

    return guarded


def without_token(request):
    """The answer for a machine that does not show the token; None for one that does."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and is_token(token.strip()):
        return None
    answer = {"error": "send Authorization: Bearer and the METRICS_TOKEN of this site"}
    return JsonResponse(answer, status=401, headers={"WWW-Authenticate": "Bearer"})


def is_token(token):
    known = settings.METRICS_TOKEN
    return bool(known) and hmac.compare_digest(token.encode(), known.encode())


def turned_away(request):
    """The answer for somebody who is not staff; None for staff."""
    if not request.user.is_authenticated:
        return redirect_to_signin(request)
    if not request.user.is_staff:
        raise PermissionDenied
    return None


def looked(view, request, *args, **kwargs):
    """The view's answer, or a page that says why there is none."""
    if config.ENGINE == "celery":
        return render(request, "jobs/celery.html", {"broker": env.masked(config.BROKER_URL)})
    try:
        return view(request, *args, **kwargs)
    except redis.RedisError as error:
        context = {"url": env.masked(config.REDIS_URL), "error": error}
        return render(request, "jobs/away.html", context, status=503)


def may_operate(user):
    return user.is_staff and user.has_perm("jobs.operate")


def may_read_mail(user):
    return user.is_staff and user.has_perm("jobs.view_mail")
