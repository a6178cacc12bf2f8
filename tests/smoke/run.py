"""How a run begins and ends; a plugin of pytest, which tests/smoke/pytest.ini names."""

import base64
import os
import signal

import pytest

from tests.smoke.guest import Guest
from tests.smoke.report import Report, say
from tests.smoke.site import Visitor, Wrong, address, check, recognize

GUEST = pytest.StashKey[Guest]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(Report())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to leave nothing behind then either


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    """Look whether there is a site of ours before anything is asked of it."""
    try:
        url = address(os.environ.get("URL", ""))
        job_seconds()
        hook_secret()
        with Visitor(url) as visitor:
            recognize(visitor)
    except Wrong as error:
        pytest.exit(str(error), returncode=1)
    session.config.stash[GUEST] = Guest(url, os.environ.get("SMOKE_EMAIL", ""))


def job_seconds():
    """How long a job may take."""
    text = os.environ.get("SMOKE_JOB_SECONDS") or "30"
    check(text.isdecimal(), f"SMOKE_JOB_SECONDS is {text!r}: use a whole number of seconds")
    return int(text)


def hook_secret():
    """What signs messages to /hooks/example; None when nothing does."""
    text = os.environ.get("SMOKE_HOOK_SECRET", "")
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        secret = b""
    check(not text or (text.startswith("whsec_") and secret), "SMOKE_HOOK_SECRET is no secret: use whsec_ and base64")
    return secret or None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """Have the guest leave, however the run has ended."""
    guest = session.config.stash.get(GUEST, None)
    try:
        if guest and guest.may_exist:
            guest.leave()
    except Wrong as error:
        say("FAIL", str(error))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
