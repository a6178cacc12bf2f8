import pytest
from redis.exceptions import NoPermissionError

from worker import api, config
from worker.api import connection


@pytest.fixture
def configure(redis):
    """Change settings of Redis, and have them back as they were."""
    before = redis.config_get("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "save")

    def change(**wanted):
        for name, value in wanted.items():
            redis.config_set(name.replace("_", "-"), value)

    yield change
    for name, value in before.items():
        redis.config_set(name, value)


@pytest.fixture
def without_config(redis, monkeypatch):
    """A user who may not CONFIG, as on a managed Redis."""
    redis.execute_command("ACL", "SETUSER", "managed", "on", "nopass", "~*", "&*", "+@all", "-config")
    monkeypatch.setattr(config, "REDIS_URL", config.REDIS_URL.replace("redis://", "redis://managed:x@"))
    forget()
    yield
    monkeypatch.undo()
    forget()
    redis.execute_command("ACL", "DELUSER", "managed")


def forget():
    for cached in (connection.connection, connection.scripts):
        cached.cache_clear()


def texts():
    return [finding.text for finding in api.check()]


def test_all_is_well_with_a_worker_and_the_settings_of_make_run(redis, worker, push):
    push(1)
    assert api.check() == []


@pytest.mark.parametrize(
    "change, text, mend",
    [
        ({"maxmemory_policy": "allkeys-lru"}, "Redis deletes jobs as soon as a maxmemory is set", "maxmemory-policy"),
        (
            {"maxmemory_policy": "volatile-ttl", "maxmemory": 100_000_000},
            "Redis deletes jobs when it is full, at 100,000,000 bytes: maxmemory-policy is volatile-ttl",
            "maxmemory-policy noeviction",
        ),
        ({"appendonly": "no"}, "Redis keeps nothing on disk", "appendonly yes"),
        ({"appendonly": "no", "save": "60 1"}, "Redis keeps only snapshots on disk", "appendonly yes"),
        ({"appendfsync": "no"}, "Redis leaves it to the system", "appendfsync everysec"),
    ],
)
def test_settings_that_can_lose_jobs(worker, configure, change, text, mend):
    configure(**change)
    (finding,) = api.check()
    assert finding.problem and text in finding.text
    assert finding.mend.startswith('redis-cli -u "$REDIS_URL" CONFIG SET ') and mend in finding.mend


def test_the_command_that_mends_it_does(redis, worker, configure):
    configure(maxmemory_policy="allkeys-lru", appendfsync="no")
    for finding in api.check():
        redis.execute_command(*finding.mend.removeprefix('redis-cli -u "$REDIS_URL" ').split())
    assert api.check() == []


def test_memory_that_is_limited_without_eviction_is_well(worker, configure):
    configure(maxmemory=100_000_000)
    assert api.check() == []


def test_what_cannot_be_seen_is_said_and_is_no_problem(worker, without_config):
    (finding,) = api.check()
    assert (finding.text, finding.problem) == ("how often Redis flushes its log to disk could not be seen", False)


def test_without_config_the_rest_is_seen_all_the_same(worker, configure, without_config):
    configure(maxmemory_policy="allkeys-lru", appendonly="no")
    memory, disk = api.check()
    assert memory.problem and "maxmemory-policy is allkeys-lru" in memory.text and "provider" in memory.mend
    assert disk.problem and "Redis keeps no log on disk" in disk.text
    with pytest.raises(NoPermissionError):
        connection.connection().config_get("save")


def test_nobody_works(redis, push):
    push(1), push(1, queue="theirs")
    assert texts() == [
        "no worker is alive: 2 jobs waiting",
        "no worker listens to the queue 'theirs', with 1 job waiting",
    ]


def test_a_queue_that_nobody_listens_to(worker, push):
    push(1, queue="their jobs"), push(2, queue="their jobs")
    (finding,) = api.check()
    assert finding.text == "no worker listens to the queue 'their jobs', with 2 jobs waiting"
    assert finding.mend == "celery -A worker worker -Q 'their jobs'"


def test_workers_of_stock_celery_are_not_seen(redis, push, monkeypatch):
    monkeypatch.setattr(config, "ENGINE", "celery")
    push(1)
    (finding,) = api.check()
    assert not finding.problem and "could not be seen" in finding.text
