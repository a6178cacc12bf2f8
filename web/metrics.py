"""Numbers for Prometheus at /metrics: of the requests to this group of web processes, and of all jobs."""

from itertools import accumulate

import redis
from django.conf import settings
from django.db import Error
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from web import traffic
from web.jobs.access import without_token
from worker import api, config, outbox

QUEUES = 100  # that are told by name: anybody who reaches Redis can make more


@require_safe
@never_cache
def metrics(request):
    """What is known, for who has the METRICS_TOKEN; without Redis or the database that is less."""
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return HttpResponse("ask by https: the token of this request was sent in clear\n", status=403)
    if answer := without_token(request):
        return answer
    registry = CollectorRegistry()
    traffic.register(registry)
    if config.ENGINE == "kickstand":
        registry.register(Jobs())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Jobs:
    def collect(self):
        yield from known("kickstand_redis_up", "Whether the jobs Redis answers.", jobs, redis.RedisError)
        yield from known("kickstand_database_up", "Whether the database answers.", rows, Error)


def known(name, text, ask, error):
    """What is asked for, and whether there was an answer."""
    try:
        found = list(ask())
    except error:
        return [gauge(name, text, 0)]
    return [gauge(name, text, 1), *found]


def rows():
    text = f"Jobs, or bulks of up to a hundred, in the database for more than {outbox.AGE} s."
    yield gauge("kickstand_outbox_rows", text, outbox.left_over().count())


def jobs():
    look = api.glance()
    yield from totals(look.stats)
    yield from queues(look.queues)
    yield from workers([each for each in look.processes if each.alive])
    yield from tasks(api.since_ever())


def totals(stats):
    yield CounterMetricFamily("kickstand_jobs_processed", "Attempts that ended, failed ones included.", stats.processed)
    yield CounterMetricFamily("kickstand_jobs_failed", "Attempts that failed.", stats.failed)
    places = GaugeMetricFamily("kickstand_jobs", "Jobs in each place.", labels=["state"])
    for state in ("waiting", "scheduled", "running", "retrying", "dead"):
        places.add_metric([state], getattr(stats, state))
    yield places


def queues(found):
    size = GaugeMetricFamily("kickstand_queue_jobs", "Jobs that wait in a queue.", labels=["queue"])
    latency = GaugeMetricFamily("kickstand_queue_latency_seconds", "How long the oldest has waited.", labels=["queue"])
    paused = GaugeMetricFamily("kickstand_queue_paused", "Whether nobody takes jobs from it.", labels=["queue"])
    ours = sorted(found, key=lambda each: (each.name not in config.QUEUES, not each.listeners, -each.size))
    for each in ours[:QUEUES]:
        size.add_metric([each.name], each.size)
        paused.add_metric([each.name], int(each.paused))
        if each.latency is not None or not each.size:  # otherwise its producer gave no time
            latency.add_metric([each.name], each.latency or 0)
    return size, latency, paused


def workers(living):
    """As of their last signs of life, so up to five seconds ago."""
    yield gauge("kickstand_worker_processes", "Worker processes that live.", len(living))
    yield gauge("kickstand_worker_threads", "Threads of theirs.", sum(each.concurrency for each in living))
    yield gauge("kickstand_worker_threads_busy", "Threads that run a job.", sum(each.busy for each in living))


def tasks(measures):
    duration = HistogramMetricFamily("kickstand_job_duration_seconds", "How long attempts took.", labels=["task"])
    failures = CounterMetricFamily("kickstand_job_failures", "Attempts that failed.", labels=["task"])
    for task, measure in measures.items():
        bounds = [f"{0.02 * 2**number:g}" for number in range(len(measure.histogram) - 1)] + ["+Inf"]
        buckets = list(zip(bounds, accumulate(measure.histogram), strict=True))
        duration.add_metric([task], buckets, sum_value=measure.milliseconds / 1000)
        failures.add_metric([task], measure.failed)
    return duration, failures


def gauge(name, text, value):
    return GaugeMetricFamily(name, text, value)
