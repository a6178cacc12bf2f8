import pytest

from worker import config
from worker.errors import ConfigurationError


@pytest.mark.parametrize(
    "value, expected",
    [
        ("default:1,mailers:1", {"default": 1, "mailers": 1}),
        ("mailers:3, default:1", {"mailers": 3, "default": 1}),
        ("urgent,default", {"urgent": 0, "default": 0}),
    ],
)
def test_queues_with_weights_or_in_strict_order(monkeypatch, value, expected):
    monkeypatch.setenv("WORKER_QUEUES", value)
    assert config.queues() == expected


@pytest.mark.parametrize("value", ["a:b", "a:0", "a:", ":1", "a,b:-1"])
def test_queues_that_cannot_be_read_are_refused(monkeypatch, value):
    monkeypatch.setenv("WORKER_QUEUES", value)
    with pytest.raises(ConfigurationError, match="WORKER_QUEUES has .*: use name or name:weight"):
        config.queues()


def test_no_queues_are_refused(monkeypatch):
    monkeypatch.setenv("WORKER_QUEUES", " , ")
    with pytest.raises(ConfigurationError, match="name at least one queue"):
        config.queues()


def test_redis_provider_names_the_variable_with_the_url(monkeypatch):
    monkeypatch.setenv("REDIS_PROVIDER", "REDISTOGO_URL")
    monkeypatch.setenv("REDISTOGO_URL", "redis://elsewhere:1/2")
    assert config.redis_url() == "redis://elsewhere:1/2"


def test_redis_provider_that_names_nothing_is_an_error(monkeypatch):
    monkeypatch.setenv("REDIS_PROVIDER", "REDISTOGO_URL")
    with pytest.raises(ConfigurationError, match="REDIS_PROVIDER names REDISTOGO_URL, which is not set"):
        config.redis_url()
