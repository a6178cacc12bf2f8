"""Clients of the jobs Redis, and the scripts that run in it."""

import hashlib
import logging
import os
import threading
import time
from collections import deque
from contextlib import suppress
from functools import cache, partial
from itertools import count
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from worker import config

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

    redis-py would send a fetch or a push again after a lost answer, and so do it twice.
    """
    pool = redis.BlockingConnectionPool.from_url(
        config.REDIS_URL,
        max_connections=MOST,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=connect_timeout,
        retry=Retry(NoBackoff(), 0),
    )
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


class Direct:
    """The same straight on a connection, for those who run thousands a second.

    What redis-py does around a command (its pool's lock, retries, telemetry) takes as long as the command itself.
    """

    STALE = 1  # seconds without use after which to look whether the server has hung up

    def __init__(self, client, check=None):
        """check: called before something is sent, after the wait for a connection; what it raises is raised."""
        self.pool, self.check = client.connection_pool, check
        self.begin()
        os.register_at_fork(after_in_child=self.begin)

    def begin(self):
        self.idle = deque()  # of (connection, when it was used last)
        # Who sends holds one. No Semaphore, which is Python code: a job that is interrupted within it takes the wake-up
        # of another along, and that waits for ever.
        self.slots, self.turn = [threading.Lock() for _ in range(MOST)], count()

    def forget(self):
        """Connect anew the next time."""
        with suppress(IndexError):
            while True:
                self.idle.pop()[0].disconnect()

    def __getattr__(self, name):
        run = partial(self.run, name)
        setattr(self, name, run)
        return run

    def command(self, *words):
        """The answer of a command. Raises a RedisError."""
        (answer,) = self.send([words])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self, name, keys, args=()):
        """The answer of a script. Raises a RedisError."""
        return self.run_many(name, [(keys, args)])[0]

    def run_many(self, name, calls):
        """Run a script for each (keys, args) in one round trip; the answers. Raises the first RedisError of these."""
        for attempt in (1, 2):
            answers = self.send([("EVALSHA", digest(name), len(keys), *keys, *args) for keys, args in calls])
            forgotten = any(isinstance(answer, NoScriptError) for answer in answers)
            if not forgotten or attempt == 2:
                break
            self.send([("SCRIPT", "LOAD", source(name))])
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def send(self, commands):
        with self.slots[next(self.turn) % MOST]:
            if self.check:
                self.check()
            connection = self.take()
            try:
                connection.send_packed_command(connection.pack_commands(commands))
                answers = [self.read(connection) for _ in commands]
            except BaseException:
                connection.disconnect()  # an answer may be under way, and would be taken for that of the next command
                raise
            self.idle.append((connection, time.monotonic()))
            return answers

    def take(self):
        try:
            connection, used = self.idle.pop()
        except IndexError:
            # Not by the pool, which would count each that fails, and after a hundred of them make no more.
            return self.pool.connection_class(**self.pool.connection_kwargs)
        if time.monotonic() - used > self.STALE and self.is_over(connection):
            connection.disconnect()
        return connection

    @staticmethod
    def is_over(connection):
        """Nothing is asked, so the one thing to be heard is that the server hangs up."""
        try:
            return connection.can_read(0)
        except redis.RedisError:
            return True

    @staticmethod
    def read(connection):
        try:
            return connection.read_response()
        except redis.ResponseError as error:
            return error
