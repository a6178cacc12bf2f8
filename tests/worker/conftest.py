import signal
from functools import cache

import pytest

from tests.servers import Redis, until
from tests.worker.staff import Staff
from worker import client, config
from worker.api import connection as look
from worker.connection import connect


@pytest.fixture
def no_outbox(monkeypatch):
    """As where there is no database: what Redis does not take is the caller's to hear."""
    monkeypatch.setattr(client, "outbox", None)


@pytest.fixture
def queue_backend(settings):
    """Jobs go to Redis, and stay there when no worker runs."""
    settings.TASKS = {"default": {"BACKEND": "worker.backend.QueueBackend", "QUEUES": ["default", "mailers"]}}


@pytest.fixture
def redis():
    """The Redis that all tests share, without anything in it."""
    redis = connect()
    redis.flushdb()
    yield redis
    redis.flushdb()
    redis.close()


@pytest.fixture
def reach(monkeypatch):
    """Have what is enqueued here go to another Redis, and worker.api look there: `reach(url)`."""

    def reach(url):
        monkeypatch.setenv("REDIS_URL", url)
        monkeypatch.setattr(config, "REDIS_URL", config.redis_url())
        forget()

    yield reach
    forget()


def forget():
    for made in (client.connection, client.scripts, client.breaker, look.connection, look.scripts):
        made.cache_clear()


@pytest.fixture
def server(tmp_path, reach):
    """A Redis of the test alone, which it can stop, with all that is enqueued here going to it."""
    server = Redis(tmp_path / "redis")
    reach(server.url)
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def patient(monkeypatch):
    """What enqueues here waits for a Redis that a busy machine holds up, as no request should."""
    monkeypatch.setattr(client, "connection", cache(connect))


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    staff = Staff(tmp_path_factory.mktemp("staff"))
    yield staff
    staff.stop()


@pytest.fixture
def staff(house, reach, no_outbox, patient):
    """Workers of this test, and a Redis with nothing in it to which goes all that is enqueued here."""
    house.clear()
    reach(house.server.url)
    yield house
    house.clear()


@pytest.fixture
def shift(house, reach, no_outbox, patient):
    """The same with one worker of four threads, which other tests use as well; a test must leave it idle."""
    if not house.workers:
        house.start(4, tasks="tests.worker.tasks,tests.worker.haste,tests.worker.mourner")
    reach(house.server.url)
    yield house
    until(lambda: not house.held(), "an idle worker, whose jobs the next test would count")
    house.wipe()
