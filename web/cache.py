"""The cache in Redis, as something that may be away: a page then costs a query more, and nobody is signed out."""

import logging
import time
from functools import wraps
from itertools import batched

from django.conf import settings
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django.core.checks import Warning, register
from redis import exceptions

logger = logging.getLogger(__name__)

AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.ReadOnlyError, exceptions.OutOfMemoryError)


def forgiving(method, otherwise, writes=False):
    """`method`, answering `otherwise(*args)` when the server is away; the keys of a write are then noted."""

    @wraps(method)
    def attempt(self, *args):
        try:
            self.catch_up()
            return method(self, *args)
        except AWAY as error:
            if writes:
                self.missed.update([args[0]] if isinstance(args[0], str) else args[0])
            self.warn(error)
            return otherwise(*args)

    return attempt


def missing(key, delta):
    raise ValueError(f"Key '{key}' not found.")  # as Django's own backends say it


class CacheClient(RedisCacheClient):
    """Answers as an empty cache would while its server is away.

    A write that was missed is made up for by deleting the key when this process next reaches the server. Otherwise an
    outage would bring back what was deleted during it, such as a session that its owner had ended by signing out.
    """

    get = forgiving(RedisCacheClient.get, lambda key, default: default)
    get_many = forgiving(RedisCacheClient.get_many, lambda keys: {})
    incr = forgiving(RedisCacheClient.incr, missing, writes=True)
    has_key = forgiving(RedisCacheClient.has_key, lambda key: False)
    add = forgiving(RedisCacheClient.add, lambda *args: False, writes=True)
    set = forgiving(RedisCacheClient.set, lambda *args: None, writes=True)
    set_many = forgiving(RedisCacheClient.set_many, lambda *args: None, writes=True)
    touch = forgiving(RedisCacheClient.touch, lambda *args: False, writes=True)
    delete = forgiving(RedisCacheClient.delete, lambda key: False, writes=True)
    delete_many = forgiving(RedisCacheClient.delete_many, lambda keys: None, writes=True)

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._get_connection_pool(write=True)  # now, and not one for each of the threads that come first together
        self.missed = set()
        self.warned = 0

    def catch_up(self):
        while self.missed:
            keys = list(self.missed)[:1000]
            RedisCacheClient.delete_many(self, keys)
            self.missed.difference_update(keys)

    def warn(self, error):
        """Say so once a second, not once a call."""
        if time.monotonic() - self.warned > 1:
            self.warned = time.monotonic()
            logger.warning("the cache is away, going on without it: %s", error)

    def clear(self):
        """Delete the cache's own keys. Django's FLUSHDB would delete every job when both share one Redis."""
        client = self.get_client(write=True)
        pattern = f"{settings.CACHES['default']['KEY_PREFIX']}:*"
        for keys in batched(client.scan_iter(pattern, count=1000), 1000, strict=False):
            client.unlink(*keys)
        return True


class Cache(RedisCache):
    """Django makes a cache object for each thread; they share one client, and so its pool of connections."""

    clients = {}

    @property
    def _cache(self):
        servers = tuple(self._servers)
        if servers not in self.clients:  # and then the first of those that come at once is everybody's
            self.clients.setdefault(servers, CacheClient(self._servers, **self._options))
        return self.clients[servers]


@register()
def check_cache_has_its_own_redis(**_):
    if settings.CACHE_URL or settings.DEBUG:
        return []
    return [
        Warning(
            "CACHE_URL is not set, so the cache shares the Redis of the jobs.",
            hint="Give the cache a Redis of its own that may evict keys (maxmemory-policy allkeys-lru).",
            id="kickstand.W001",
        )
    ]
