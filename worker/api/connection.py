"""The connection of those who look: one for each process, which a fork does not share."""

from functools import cache

from worker.connection import Scripts, connect

CHUNK = 500  # jobs that one command or script handles, so that Redis is never blocked for long
MOST = 10_000  # jobs that a search looks at, unless it is told otherwise


@cache
def connection():
    return connect(timeout=5)


@cache
def scripts():
    return Scripts(connection())


def clock():
    """Seconds since 1970 by the clock of Redis, which all ages are told by."""
    seconds, microseconds = connection().time()
    return seconds + microseconds / 1_000_000
