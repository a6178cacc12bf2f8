"""Checks of a deployed site: `make smoke URL=https://…`. They speak HTTP alone, and are safe in production."""

from pathlib import Path

import pytest

from tests.smoke.run import GUEST, job_seconds
from tests.smoke.site import Visitor


def pytest_ignore_collect(config):
    """`make test` has no site to check."""
    return config.inipath.parent != Path(__file__).parent or None


@pytest.fixture(scope="session")
def guest(request):
    """Somebody who signs up in the course of the checks."""
    return request.config.stash[GUEST]


@pytest.fixture
def url(guest):
    return guest.url


@pytest.fixture
def stranger(url):
    """Somebody who is not signed in."""
    with Visitor(url) as visitor:
        yield visitor


@pytest.fixture
def patience():
    """Seconds that a job may take."""
    return job_seconds()
