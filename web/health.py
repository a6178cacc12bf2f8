"""Whether the process answers (/healthz) and whether it may serve (/readyz); and the door to /metrics."""

import redis
from django.core.cache import caches
from django.db import Error, connection
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from web import metrics
from worker import config, keys
from worker.reaper import SILENCE


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
    """503 when the database does not answer; with `?full=1` also when jobs Redis, cache or every worker is away."""
    parts = {"database": database(), **jobs(), "cache": cache()}
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


def jobs():
    """Celery's own engine has no signs of life to ask for."""
    silences = answer(config.REDIS_URL, silent_for)
    workers = {"workers": min(silences or [SILENCE]) < SILENCE} if config.ENGINE == "kickstand" else {}
    return {"redis": silences is not None, **workers}


def silent_for(client):
    """For how many seconds each worker has given no sign of life, by the clock of Redis."""
    (now, _), processes = client.time(), client.zrange(keys.PROCESSES, 0, -1, withscores=True)
    return [now - last for _, last in processes]


def cache():
    return answer(caches["default"]._servers[0], lambda client: client.ping()) is not None


def answer(url, ask):
    """What a Redis answers, or None when it does not."""
    client = redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))
    try:
        return ask(client)
    except redis.RedisError:
        return None
    finally:
        client.close()
