"""The job that this thread runs, and what a job's arguments may be."""

import inspect
import time
from contextvars import ContextVar
from math import isfinite
from typing import NamedTuple

SECRETS = ("password", "token", "secret", "key", "authorization", "body", "alternatives", "attachments")


class Running(NamedTuple):
    name: str
    id: str
    started: float

    @property
    def elapsed(self):
        return time.monotonic() - self.started


# None outside jobs. A mail that is sent while it is set is delivered by that job, not queued again.
current = ContextVar("job", default=None)


def check(function, args, kwargs):
    """Raise TypeError for a call that does not fit `function`, or an argument that JSON would change.

    Ids survive; objects would be stale by the time the job runs (Sidekiq's best practice: "small and simple").
    """
    inspect.signature(function).bind(*args, **kwargs)
    for name, value in named(parameters(function), args, kwargs).items():
        if (found := odd(value)) is not None:
            hint = ": pass its .pk and load it in the job" if hasattr(found, "pk") else ""
            raise TypeError(
                f"{getattr(function, 'func', function).__qualname__}() got {name}={found!r}, a {type(found).__name__}, "
                f"which JSON cannot hold{hint}"
            )


def odd(value):
    """The first part of `value` that is not plain JSON, or None."""
    if value is None or isinstance(value, bool | str | int) or (isinstance(value, float) and isfinite(value)):
        return None
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := odd(item)) is not None), None)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return odd(list(value.values()))
    return value


def parameters(function):
    return list(inspect.signature(function).parameters)


def named(parameters, args, kwargs):
    """The arguments of a call by the names of the parameters they fill, whether or not the call is right."""
    names = parameters + [f"argument {number}" for number in range(len(parameters) + 1, len(args) + 1)]
    return dict(zip(names, args, strict=False)) | kwargs


def masked(parameters, args, kwargs):
    """The arguments as text for a log line: secrets by name are hidden, long values are cut."""
    return " ".join(f"{name}={shown(name, value)}" for name, value in named(parameters, args, kwargs).items())


def shown(name, value):
    if any(secret in name.lower() for secret in SECRETS):
        return "***"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(key, item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(name, item) for item in value[:10]) + (", …" if len(value) > 10 else "") + "]"
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
