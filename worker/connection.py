"""Clients of the jobs Redis, and the scripts that run in it."""

import hashlib
import logging
import time
from functools import cache
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from worker import config, env
from worker.errors import ConfigurationError

logger = logging.getLogger(__name__)

LUA = Path(__file__).with_name("lua")

# What is worth trying again: Redis is away, still loading, no longer the one that takes writes, or forgot a script in
# the moment between loading and running it.
AWAY = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, NoScriptError)


class Outage:
    """Tells once that Redis is away, and once that it is back, however many threads meet it meanwhile."""

    def __init__(self):
        self.since = None

    def met(self, error):
        if self.since is None:
            self.since = time.monotonic()
            logger.warning("Redis is away, trying again until it is back: %s", error)

    def is_over(self):
        if self.since is not None:
            logger.warning("Redis is back after %.1f s", time.monotonic() - self.since)
            self.since = None


MOST = 2  # connections of a client, however many threads use it: small plans of managed Redis have 20 for all


def connect(timeout=5, connect_timeout=0.5):
    """A client that waits `timeout` seconds for an answer, or for a connection, and repeats nothing by itself.

    redis-py would send a fetch or a push again after a lost answer, and so do it twice. Raises ConfigurationError for
    a REDIS_URL with options that redis-py cannot read.
    """
    options = {"max_connections": MOST, "timeout": timeout, "retry": Retry(NoBackoff(), 0)}
    options |= {"socket_timeout": timeout, "socket_connect_timeout": connect_timeout}
    try:
        pool = redis.BlockingConnectionPool.from_url(config.REDIS_URL, **options)
    except ValueError as error:
        raise ConfigurationError(f"REDIS_URL is {env.masked(config.REDIS_URL)!r}: {error}") from None
    return redis.Redis.from_pool(pool)


@cache
def source(name):
    """A script with what all share. Its first line may let it run when Redis is full: all but push do, or none could
    make room."""
    script = (LUA / f"{name}.lua").read_text()
    flags, rest = script.split("\n", 1) if script.startswith("#!") else ("#!lua", script)
    return f"{flags}\n{(LUA / 'common.lua').read_text()}{rest}"


@cache
def digest(name):
    return hashlib.sha1(source(name).encode()).hexdigest()


class Scripts:
    """The Lua scripts of one client, each a method: `scripts.push(keys, args)`; one that Redis forgot is sent again."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        script = self.client.register_script(source(name))

        def run(keys, args=()):
            return script(keys=keys, args=args)

        setattr(self, name, run)
        return run
