"""Typed reading of environment variables.

A wrong value is an error that names the variable, the value and what is allowed (after Healthchecks' `envbool`).
A variable that is empty counts as unset, since Compose passes `${NAME:-}` on as an empty string.
"""

import os
import shlex
import tomllib
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from worker.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def load(path):
    """Set the variables of a `NAME=value` file, except those that the real environment has already."""
    if not path.exists():
        return
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise ConfigurationError(f"{path}, line {number}: {error}: write NAME=value or NAME='a value'") from None
        for name, equals, value in (word.partition("=") for word in words):
            if equals and not os.environ.get(name):
                os.environ[name] = value


def text(name, default=""):
    return os.environ.get(name) or default


def setting(name, default):
    """A variable that `[tool.kickstand]` in pyproject.toml may give too, under its name in lower case."""
    return os.environ.get(name) or str(table().get(name.lower(), default))


@cache
def table():
    path = ROOT / "pyproject.toml"
    if not path.exists():
        return {}
    return tomllib.loads(path.read_text()).get("tool", {}).get("kickstand", {})


def boolean(name, default=False):
    value = text(name).lower()
    if value and value not in WORDS:
        raise ConfigurationError(f"{name} is {value!r}: use one of {', '.join(WORDS)}")
    return WORDS[value] if value else default


def integer(name, default, minimum=1):
    value = setting(name, default)
    if not value.isdecimal() or int(value) < minimum:
        raise ConfigurationError(f"{name} is {value!r}: use a whole number of at least {minimum}")
    return int(value)


def number(name, default, minimum, maximum):
    value = text(name, str(default))
    try:
        if minimum <= float(value) <= maximum:
            return float(value)
    except ValueError:
        pass
    raise ConfigurationError(f"{name} is {value!r}: use a number from {minimum} to {maximum}")


def choice(name, default, allowed):
    value = text(name, default)
    if value not in allowed:
        raise ConfigurationError(f"{name} is {value!r}: use one of {', '.join(allowed)}")
    return value


def listing(name, default=""):
    """Values separated by commas."""
    return [value.strip() for value in text(name, default).split(",") if value.strip()]


def url(name, default, examples):
    """A URL whose scheme is that of one of the `examples`; they are shown when it is not."""
    value = text(name, default)
    if value and not fits(value, {urlsplit(example).scheme for example in examples}):
        raise ConfigurationError(f"{name} is {masked(value)!r}: use {' or '.join(examples)}")
    return value


def fits(value, schemes):
    try:
        parts = urlsplit(value)
        located = parts.hostname or parts.scheme in ("unix", "sqlite")
        return "://" in value and parts.scheme in schemes and parts.port != 0 and bool(located)
    except ValueError:  # a port that is no number
        return False


def masked(address):
    """An address without its password, for logs and errors, whether or not it is a URL that can be read."""
    login, _, host = address.rpartition("@")
    start, slashes, login = login.rpartition("://")
    user, colon, _ = login.partition(":")
    return f"{start}{slashes}{user}:***@{host}" if colon else address
