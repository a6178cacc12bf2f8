"""The secret of the site, and where it is reached, as the environment tells them. Used by web/settings.py."""

import os
from pathlib import Path

from worker import env
from worker.errors import ConfigurationError


def secret_key(debug, building):
    """What signs cookies and links. Raises ConfigurationError when there is none, unless it is not needed yet."""
    found = env.text("SECRET_KEY") or from_file(env.text("SECRET_KEY_FILE"))
    if not found and debug:
        return "good enough for DEBUG, where nothing is worth forging"
    if not found and not building:
        raise ConfigurationError(
            "SECRET_KEY is not set. Make one and put it in the environment (DEBUG=1 does without):\n"
            "  python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    return found


def from_file(path):
    if not path:
        return ""
    if not Path(path).exists():
        raise ConfigurationError(
            f"SECRET_KEY_FILE is {path}, which does not exist: python -m infra.secret {path} makes it"
        )
    return Path(path).read_text().strip()


def url(port, debug, building):
    """Where people reach the site: links in mails begin with it, and https makes cookies secure.

    Raises ConfigurationError when nothing tells.
    """
    # Heroku tells an app its domain (with `labs:enable runtime-dyno-metadata`).
    names = env.listing("ALLOWED_HOSTS") or env.listing("HEROKU_APP_DEFAULT_DOMAIN_NAME")
    if not (names or env.text("SITE_URL") or debug or building) and "DYNO" in os.environ:
        raise ConfigurationError(
            "Nothing tells where the site is, so every request would be refused. Set SITE_URL=https://www.example.com, "
            "or have Heroku tell it: heroku labs:enable runtime-dyno-metadata, then deploy again"
        )
    names = names or ["localhost"]
    if names[0].startswith(".") and not env.text("SITE_URL") and not debug:
        raise ConfigurationError(
            f"SITE_URL is not set, and ALLOWED_HOSTS, which begins with {names[0]!r}, does not tell where the site is: "
            f"set SITE_URL=https://www{names[0]} or the like"
        )
    local = debug or names[0] in ("localhost", "127.0.0.1", "*")
    default = f"http://localhost:{port}" if local else f"https://{names[0]}"
    return env.url("SITE_URL", default, ("https://www.example.com", "http://localhost:8000")).rstrip("/")
