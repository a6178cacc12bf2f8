from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connections
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.environment import STATE, need
from tests.outbox import delete_pushed
from tests.servers import S3, Stack

CHROMIUM = "/usr/bin/chromium"
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    """SQLite in a file, as it is in real life: in memory it has locks that nobody waits for."""
    database = connections["default"]
    if database.vendor == "sqlite":
        database.settings_dict["TEST"]["NAME"] = str(STATE / "test.sqlite3")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown():
    """While the test still has its database."""
    delete_pushed()


@pytest.fixture(autouse=True)
def empty_cache():
    yield
    cache.clear()


@pytest.fixture(scope="session")
def s3():
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def stack(tmp_path):
    """A maker of Stacks, which are stopped when the test ends: `stack(DEBUG="1")`."""
    made = []

    def make(**environment):
        made.append(Stack(tmp_path / f"stack{len(made)}", **environment))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture(scope="module")
def chromium():
    """A browser, gone after the module: while it runs, its event loop makes Django refuse to touch the database."""
    need(Path(CHROMIUM).exists(), "chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def photo(tmp_path):
    """The path of a photo to upload."""
    path = tmp_path / "photo.jpg"
    Image.radial_gradient("L").resize((640, 480)).save(path)
    return path
