"""WORKER_ENGINE=celery: the same tasks on what Celery brings along."""

from tests.chaos.test_canvas import script
from tests.servers import until


def test_the_same_tasks_run_on_stock_celery(crew):
    crew.environment["WORKER_ENGINE"] = "celery"
    crew.start()
    assert "worker ready engine=celery" in crew.log()
    script(crew, "run.delay(1); fail_first.delay(2)")
    until(lambda: crew.ran() == [1], "the job")
    until(lambda: "retry in" in crew.log() and "ValueError" in crew.log(), "the retry")
    assert not list(crew.redis.scan_iter("inflight:*"))


def test_jobs_from_stock_celery_run_on_our_engine(crew):
    engine = crew.environment | {}
    crew.environment["WORKER_ENGINE"] = "celery"
    script(crew, "run.delay(1)")
    crew.environment = engine
    crew.start()
    until(lambda: crew.ran() == [1], "the job")
