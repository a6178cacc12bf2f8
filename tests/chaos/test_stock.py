"""WORKER_ENGINE=celery: the same tasks on what Celery brings along."""

from tests.servers import until

STOCK = {"WORKER_ENGINE": "celery"}


def test_the_same_tasks_run_on_stock_celery(crew):
    worker = crew.start(**STOCK)
    assert "worker ready engine=celery" in worker.log()
    crew.script("run.delay(1); fail_first.delay(2)", **STOCK)
    until(lambda: crew.ran() == [1], "the job")
    until(lambda: "retry in" in worker.log() and "ValueError" in worker.log(), "the retry")
    assert not list(crew.redis.scan_iter("inflight:*"))


def test_jobs_from_stock_celery_run_on_our_engine(crew):
    crew.script("run.delay(1)", **STOCK)
    crew.start()
    until(lambda: crew.ran() == [1], "the job")
