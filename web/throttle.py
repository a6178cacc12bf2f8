"""How often something may be tried: counted in the Redis of the cache, and in this process alone while that is away."""

import logging
import time
from functools import cache, wraps
from hashlib import sha256
from math import ceil
from threading import Lock

import redis
from django.conf import settings
from django.core.cache import caches
from django.shortcuts import render
from limits import parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

logger = logging.getLogger(__name__)


class TooMany(Exception):
    def __init__(self, seconds):
        super().__init__(f"try again in {seconds} s")
        self.seconds = seconds


class Rate:
    """So many attempts in a window that begins with the first of them: `Rate("login", "10 per 15 minutes")`."""

    def __init__(self, name, limit):
        self.name, self.limit = name, parse(limit)

    def take(self, *who):
        """Count an attempt of `who`; TooMany when there were enough. One step, so that many at once count too."""
        if not counted("hit", *self.key(who)):
            until = counted("get_window_stats", *self.key(who)).reset_time
            raise TooMany(max(1, ceil(until - time.time())))

    def give_back(self, *who):
        """It was no attempt after all."""
        counted("hit", *self.key(who), cost=-1)

    def forget(self, *who):
        counted("clear", *self.key(who))

    def key(self, who):
        """What people type is hashed: into the field for a name they also type passwords."""
        return self.limit, self.name, sha256("\n".join(who).encode()).hexdigest()


def counted(deed, *args, **options):
    """While Redis is away each process counts for itself: less strict by their number, but never without limit."""
    try:
        return getattr(shared(settings.CACHES["default"]["LOCATION"]), deed)(*args, **options)
    except redis.RedisError as error:
        logger.warning("the cache is away, attempts are counted in this process alone: %s", error)
    with lock:  # MemoryStorage forgets some when many come at once
        return getattr(alone(), deed)(*args, **options)


@cache
def shared(url):
    """In the cache's own place, so that one that is cleared forgets attempts too, and by its few connections."""
    prefix = f"{settings.CACHES['default']['KEY_PREFIX']}:attempts"
    pool = caches["default"]._cache.get_client(write=True).connection_pool
    return FixedWindowRateLimiter(RedisStorage(url, connection_pool=pool, key_prefix=prefix))


@cache
def alone():
    return FixedWindowRateLimiter(MemoryStorage())


lock = Lock()


def limited(view):
    """Answer TooMany with a page that says when to try again."""

    @wraps(view)
    def answer(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except TooMany as error:
            response = render(request, "429.html", {"minutes": ceil(error.seconds / 60)}, status=429)
            response.headers["Retry-After"] = str(error.seconds)
            response.headers["Cache-Control"] = "no-store"
            return response

    return answer
