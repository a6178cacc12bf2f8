from pathlib import Path

import pytest
from django.core.cache import cache
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.environment import need
from tests.servers import Stack

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(autouse=True)
def files_of_its_own(settings, tmp_path):
    """Photos go to a folder of the test, not to that of the developer."""
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "photos"},
        }
    }


@pytest.fixture(autouse=True)
def empty_cache():
    yield
    cache.clear()


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


@pytest.fixture(scope="session")
def chromium():
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
