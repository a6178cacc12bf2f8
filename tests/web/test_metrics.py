from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import free_port
from tests.worker.api.conftest import Worker
from worker import api, client, config, job, outbox
from worker.api.connection import connection as jobs_redis
from worker.api.connection import scripts
from worker.models import Outbox


@pytest.fixture
def redis():
    redis = jobs_redis()
    redis.flushdb()
    yield redis
    redis.flushdb()


@pytest.fixture
def scrape(browser, settings):
    """{(name, *values of its labels by their names): value}, as Prometheus reads it."""
    settings.METRICS_TOKEN = "t0ken"

    def scrape():
        response = browser().get("/metrics", headers={"authorization": "Bearer t0ken", "host": "10.1.2.3:8000"})
        assert response.status_code == 200
        families = text_string_to_metric_families(response.text)
        samples = [sample for family in families for sample in family.samples]
        return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in samples}

    return scrape


def enqueue(queue="default", seconds=None):
    id, content = client.message("tasks.count", queue=queue)
    client.send([client.Entry(id, queue, [content], seconds)])


def test_jobs_are_told_by_place_and_by_queue(redis, scrape):
    enqueue(), enqueue(), enqueue("mailers"), enqueue(seconds=60)
    redis.lpush("mailers", "of a producer that gave no time")
    redis.rpoplpush("mailers", "mailers")
    api.Queue("mailers").pause()
    found = scrape()
    assert found["kickstand_redis_up",] == found["kickstand_database_up",] == 1
    assert (found["kickstand_jobs", "waiting"], found["kickstand_jobs", "scheduled"]) == (4, 1)
    assert (found["kickstand_queue_jobs", "default"], found["kickstand_queue_jobs", "mailers"]) == (2, 2)
    assert (found["kickstand_queue_paused", "default"], found["kickstand_queue_paused", "mailers"]) == (0, 1)
    assert 0 <= found["kickstand_queue_latency_seconds", "default"] < 60
    assert ("kickstand_queue_latency_seconds", "mailers") not in found


def test_how_long_jobs_took_is_a_histogram_that_never_falls(redis, scrape):
    worker, name = Worker(), "kickstand_job_duration_seconds"
    for number, milliseconds in enumerate((2_600, 11_000, 11_000, 10**9), 1):
        running = job.Running("tasks.count", str(number), "default")
        running.started -= milliseconds / 1000
        worker.process.tally.add(running, failed=milliseconds == 2_600)
        worker.beat()
        found = scrape()
        assert found[f"{name}_count", "tasks.count"] == found[f"{name}_bucket", "+Inf", "tasks.count"] == number
        assert found[f"{name}_bucket", "5.12", "tasks.count"] == 1
        assert found["kickstand_job_failures_total", "tasks.count"] == 1
    assert found[f"{name}_bucket", "20.48", "tasks.count"] == found[f"{name}_bucket", "335544", "tasks.count"] == 3
    assert found[f"{name}_sum", "tasks.count"] == pytest.approx(10**6, rel=0.01)


def test_workers_are_those_that_live(redis, scrape):
    assert scrape()["kickstand_worker_processes",] == 0
    worker = Worker()
    worker.beat()
    found = scrape()
    assert found["kickstand_worker_processes",] == 1
    assert (found["kickstand_worker_threads",], found["kickstand_worker_threads_busy",]) == (worker.process.threads, 0)


def test_however_many_queues_somebody_makes_the_labels_are_few(redis, scrape):
    for number in range(150):
        enqueue(f"aaa{number}")
    names = {key[1] for key in scrape() if key[0] == "kickstand_queue_jobs"}
    assert len(names) == 100
    assert {"default", "mailers"} < names


@pytest.fixture
def redis_away(monkeypatch):
    monkeypatch.setattr(config, "REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    jobs_redis.cache_clear(), scripts.cache_clear()
    yield
    monkeypatch.undo()
    jobs_redis.cache_clear(), scripts.cache_clear()


def test_without_redis_it_tells_the_rest(scrape, redis_away):
    found = scrape()
    assert found["kickstand_redis_up",] == 0 and found["kickstand_outbox_rows",] == 0
    assert not [key for key in found if key[0].startswith(("kickstand_queue", "kickstand_job"))]


def test_a_row_counts_when_nobody_is_about_to_delete_it(redis, scrape):
    for token in ("new", "old"):
        Outbox.objects.create(token=token, queue="default", message=b"")
    Outbox.objects.filter(token="old").update(created_at=timezone.now() - timedelta(seconds=outbox.AGE + 1))
    assert scrape()["kickstand_outbox_rows",] == 1


def test_without_the_database_it_tells_the_rest(redis, scrape):
    def away(*_):
        raise OperationalError("the database is away")

    with connection.execute_wrapper(away):
        found = scrape()
    assert found["kickstand_database_up",] == 0 and found["kickstand_redis_up",] == 1
    assert ("kickstand_outbox_rows",) not in found


def test_on_stock_celery_it_tells_of_requests_alone(redis, scrape, browser, monkeypatch):
    monkeypatch.setattr(config, "ENGINE", "celery")
    browser().get("/")
    assert {key[0].removesuffix("_created").split("_")[1] for key in scrape()} <= {"requests", "request"}


@pytest.mark.parametrize("token, sent, status", [
    ("t0ken", {"authorization": "Bearer t0ken"}, 200), ("t0ken", {"authorization": "Bearer wrong"}, 401),
    ("t0ken", {}, 401), ("", {"authorization": "Bearer "}, 401), ("", {}, 401),
])  # fmt: skip
def test_the_token_is_asked_for_of_staff_as_well(browser, staff, redis, settings, token, sent, status):
    settings.METRICS_TOKEN = token
    response = browser(staff).get("/metrics", headers=sent)
    assert response.status_code == status
    assert ("WWW-Authenticate" in response) == (status == 401)
    assert "no-store" in response["Cache-Control"]


def test_nobody_sends_anything_there(browser):
    assert browser().post("/metrics").status_code == 405
