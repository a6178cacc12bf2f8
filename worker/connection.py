"""Clients of the jobs Redis, and the scripts that run in it."""

from functools import cache
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from worker import config

LUA = Path(__file__).with_name("lua")

# What is worth trying again: Redis is away, still loading, no longer the one that takes writes, or forgot a script in
# the moment between loading and running it.
AWAY = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, NoScriptError)


def connect(timeout=5):
    """A client that waits `timeout` seconds for an answer and repeats nothing by itself.

    redis-py would send a fetch or a push again after a lost answer, and so do it twice.
    """
    return redis.Redis.from_url(
        config.REDIS_URL, socket_timeout=timeout, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


@cache
def source(name):
    """A script with what all share. Its first line may let it run when Redis is full: all but push do, or none could
    make room."""
    script = (LUA / f"{name}.lua").read_text()
    flags, rest = script.split("\n", 1) if script.startswith("#!") else ("#!lua", script)
    return f"{flags}\n{(LUA / 'common.lua').read_text()}{rest}"


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
