"""What the environment says about the worker, read once."""

import os

from worker import env, keys
from worker.errors import ConfigurationError

REDIS_FORMS = ("redis://host:port/db", "rediss://host:port/db", "unix:///path")


def redis_url():
    """REDIS_URL, or the variable that REDIS_PROVIDER names (as Heroku's add-ons each have their own)."""
    name = env.text("REDIS_PROVIDER", "REDIS_URL")
    if name != "REDIS_URL" and not os.environ.get(name):
        raise ConfigurationError(f"REDIS_PROVIDER names {name}, which is not set: set {name} or unset REDIS_PROVIDER")
    return any_certificate(env.url(name, "redis://localhost:6379/0", REDIS_FORMS))


def any_certificate(url):
    """A rediss:// URL that says itself what it asks of a certificate stays as it is; else any will do.

    Managed Redis has certificates that nobody signed, as Heroku's does. redis-py, kombu and Celery all read this.
    """
    if not url.startswith("rediss://") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=none"


def queues():
    """WORKER_QUEUES as `{name: weight}`: `a:3,b:1` by weight, `a,b` without weights in strict order (weight 0)."""
    value = env.setting("WORKER_QUEUES", "default:1,mailers:1")
    found = {}
    for entry in filter(None, (entry.strip() for entry in value.split(","))):
        name, colon, weight = entry.partition(":")
        if not name or (colon and (not weight.isdecimal() or int(weight) < 1)):
            raise ConfigurationError(f"WORKER_QUEUES has {entry!r}: use name or name:weight, such as mailers:3")
        found[name] = int(weight or 0)
    if taken := [name for name in found if keys.is_ours(name)]:
        raise ConfigurationError(
            f"WORKER_QUEUES has {taken[0]!r}, a name that Kickstand keeps in Redis itself: use another"
        )
    if not found:
        raise ConfigurationError(f"WORKER_QUEUES is {value!r}: name at least one queue, such as default:1,mailers:1")
    return found


REDIS_URL = redis_url()
BROKER_URL = any_certificate(env.url("BROKER_URL", REDIS_URL, (*REDIS_FORMS, "amqp://host:port/vhost")))
QUEUES = queues()
ENGINE = env.choice("WORKER_ENGINE", "kickstand", ("kickstand", "celery"))
if not BROKER_URL.startswith(("redis", "unix")):
    ENGINE = "celery"
CONCURRENCY = env.integer("WORKER_CONCURRENCY", 25)
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ("text", "json"))
SENTRY_DSN = env.url("SENTRY_DSN", "", ("https://key@host/project", "http://key@host/project"))
SENTRY_TRACES_SAMPLE_RATE = env.number("SENTRY_TRACES_SAMPLE_RATE", 0, 0, 1)
SENTRY_REPORT_RETRIES = env.boolean("SENTRY_REPORT_RETRIES")
# Heroku's, with `labs:enable runtime-dyno-metadata`; what a process tells of itself.
RELEASE = env.text("HEROKU_RELEASE_VERSION")
