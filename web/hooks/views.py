"""POST /hooks/{name}: takes a signed message of another service, and answers when its job is safe.

infra/edge answers the same in front of web, and passes on to here only while Redis is away: then the job is kept in the
database. Both give the job of a message the same id, so that one which both have enqueued runs once.
"""

from dataclasses import replace

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from kombu.exceptions import OperationalError

from web import visitor
from web.body import announced, drain
from web.hooks import signature
from web.hooks.signature import Refused
from web.throttle import Rate, TooMany

MOST = 256 * 1024  # bytes of a message: it waits in the memory of Redis
AGAIN = 5  # seconds


@csrf_exempt
@never_cache
def receive(request, name):
    try:
        return JsonResponse({"id": accepted(request, name)}, status=202)
    except Refused as refusal:
        headers = {"Allow": "POST"} if refusal.status == 405 else {}
        return refused(refusal.status, str(refusal), headers)
    except TooMany as error:
        return refused(429, "too many messages", {"Retry-After": str(error.seconds)})
    except (redis.RedisError, OperationalError, DatabaseError):  # which have said so in the log
        return refused(503, "nothing here can take messages for now", {"Retry-After": str(AGAIN)})


def refused(status, why, headers):
    return JsonResponse({"error": why}, status=status, headers=headers)


def accepted(request, name):
    """Enqueue the job of a message; the job's id."""
    if name not in settings.HOOK_SECRETS:
        raise Refused(404, "there is no such hook")
    if request.method != "POST":
        raise Refused(405, "use POST")
    Rate("hook", f"{settings.HOOK_RATE} per second").take(name, visitor.address(request))
    if (size := announced(request)) > MOST:
        drain(request, size)
        raise Refused(413, f"send at most {MOST} bytes")
    if not request.body:
        raise Refused(400, "there is no body")
    id = signature.check(request.headers, request.body, settings.HOOK_SECRETS[name])
    return enqueue(name, id, text(request.body))


def text(body):
    """What a job and a database can hold."""
    try:
        decoded = body.decode()
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded:
        raise Refused(400, "the body has to be text in UTF-8")
    return decoded


def enqueue(name, id, body):
    hook = settings.HOOKS[name]
    task = replace(import_string(hook.task), queue_name=hook.queue, id=signature.job_id(name, id))
    return task.enqueue(name, id, body).id
