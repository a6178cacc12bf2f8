"""Requests that bring too much are refused, and nothing of them is kept."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from tests.web.pictures import picture
from web.feed.models import Post

MEGABYTE = 1024 * 1024


@pytest.fixture
def files(monkeypatch):
    """The names of files that were begun, on the disk or in memory."""
    begun = []
    begin = TemporaryFileUploadHandler.new_file

    def new_file(self, *args, **kwargs):
        begun.append(args)
        return begin(self, *args, **kwargs)

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", new_file)
    return begun


def photo(size):
    content = picture()
    return SimpleUploadedFile("a.jpg", content + bytes(size - len(content)), "image/jpeg")


def test_a_photo_far_over_the_limit_is_refused_before_it_is_read(alice, browser, files):
    response = browser(alice, enforce_csrf_checks=True).post("/posts/new/", {"photo": photo(11 * MEGABYTE)})

    assert response.status_code == 413
    assert "What you sent has 11.0\xa0MB; at most 10.0\xa0MB are taken here." in response.text
    assert files == []
    assert not Post.objects.exists()


def test_a_photo_within_the_limit_is_taken(alice, browser, files):
    response = browser(alice).post("/posts/new/", {"photo": photo(10 * MEGABYTE), "caption": "large"})

    assert response.status_code == 302
    assert len(files) == 1
    assert Post.objects.get().caption == "large"


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/settings/", "/jobs/run/"])
def test_a_form_without_files_takes_none(alice, browser, files, path):
    response = browser(alice).post(path, {"photo": photo(MEGABYTE)})

    assert response.status_code == 413
    assert "at most 512.0\xa0KB" in response.text
    assert files == []


def test_a_body_that_lies_about_its_length_is_read_no_further(alice, browser):
    response = browser().generic("POST", "/accounts/login/", b"username=alice", CONTENT_LENGTH="1e9")
    assert response.status_code == 200
    response = browser().generic("POST", "/accounts/login/", b"x", CONTENT_LENGTH=str(10**12))
    assert response.status_code == 413


@pytest.mark.django_db
def test_who_hangs_up_in_the_middle_of_a_body_is_no_error(client, settings, caplog):
    settings.HOOK_SECRETS = {"example": [b"hush"]}

    response = client.post("/hooks/example", b"{", "text/plain", **{"wsgi.input": Gone()})

    assert response.status_code == 408
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


class Gone:
    def read(self, size=-1):
        raise ConnectionResetError

    readline = read


def test_two_photos_at_once_are_one_too_many(alice, browser):
    response = browser(alice).post("/posts/new/", {"photo": photo(10_000), "another": photo(10_000)})

    assert response.status_code == 400
