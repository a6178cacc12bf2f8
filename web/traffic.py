"""A line in the log for each request, and counts for /metrics."""

import logging
import os
import time

from prometheus_client import Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from web import paths

logger = logging.getLogger(__name__)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds

requests = Counter("kickstand_requests", "Requests that were answered.", ["method", "view", "status"], registry=None)
seconds = Histogram(
    "kickstand_request_duration_seconds", "How long that took.", ["method", "view"], buckets=BUCKETS, registry=None
)


def register(registry):
    """Put the counts into a registry: those of all processes where infra/gunicorn.conf.py has them keep files."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)
    else:
        registry.register(requests)
        registry.register(seconds)


def middleware(get_response):
    def answer(request):
        began = time.monotonic()
        response = get_response(request)
        elapsed = time.monotonic() - began
        count(request, response, elapsed)
        tell(request, response, elapsed)
        return response

    return answer


def count(request, response, elapsed):
    """By names that we gave, of which there are few: anybody can ask for any path, by any method."""
    method = request.method if request.method in METHODS else "other"
    view = (request.resolver_match and request.resolver_match.view_name) or "none"
    requests.labels(method, view, f"{response.status_code // 100}xx").inc()
    seconds.labels(method, view).observe(elapsed)


def tell(request, response, elapsed):
    fields = {
        "method": request.method,
        "path": paths.shown(request),
        "status": response.status_code,
        "elapsed": round(elapsed, 3),
    }
    text = "%(method)s %(path)s status=%(status)d elapsed=%(elapsed).3fs"
    logger.info(text, fields, extra={"fields": fields})
