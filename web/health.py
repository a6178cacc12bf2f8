"""Whether the process answers (/healthz) and whether it may serve (/readyz); and the door to /metrics."""

import redis
from django.core.cache import caches
from django.db import Error, connection
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from web import metrics
from worker import config


def middleware(get_response):
    """Answer before anything looks at the host, which a probe may not know, or at the session."""
    probes = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics.metrics}

    def answer(request):
        return probes.get(request.path, get_response)(request)

    return answer


@require_safe
def healthz(request):
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request):
    """503 when the database does not answer; with `?full=1` also when jobs Redis or cache is away."""
    parts = {"database": database(), "redis": answers(config.REDIS_URL), "cache": cache()}
    needed = parts if request.GET.get("full") == "1" else {"database": parts["database"]}
    status = 200 if all(needed.values()) else 503
    return JsonResponse({name: "ok" if up else "away" for name, up in parts.items()}, status=status)


def database():
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def cache():
    return answers(caches["default"]._servers[0])


def answers(url):
    client = redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))
    try:
        return client.ping()
    except redis.RedisError:
        return False
    finally:
        client.close()
