import logging

import pytest

from tests.web.pictures import opened, picture
from web.feed.models import Post
from web.feed.tasks import make_thumbnail
from web.files.models import File


@pytest.fixture
def make(django_capture_on_commit_callbacks):
    """Run the job for a post id."""

    def run(post_id):
        with django_capture_on_commit_callbacks(execute=True):
            make_thumbnail.enqueue(post_id)

    return run


@pytest.fixture
def waiting(alice, photo_by):
    """A post whose thumbnail is not there yet."""
    return photo_by(alice, "Sunrise", thumbnail="")


def test_the_job_makes_a_square(waiting, make):
    make(waiting.pk)

    waiting.refresh_from_db()
    thumbnail = opened(waiting.thumbnail)
    assert thumbnail.format == "JPEG"
    assert thumbnail.width == thumbnail.height


def test_there_is_a_placeholder_until_then(waiting, browser, make):
    address = f"/posts/{waiting.pk}/thumbnail/"
    for page in ("/", "/explore/", "/people/alice/", address):
        assert "waiting" in browser().get(page).text
        assert "<img" not in browser().get(page).text

    make(waiting.pk)

    waiting.refresh_from_db()
    for page in ("/", "/explore/", "/people/alice/", address):
        assert f"/photos/{waiting.thumbnail.name}" in browser().get(page).text


def test_a_second_run_makes_no_second_file(waiting, make, caplog):
    caplog.set_level(logging.INFO)
    make(waiting.pk)
    waiting.refresh_from_db()
    first = waiting.thumbnail.name

    make(waiting.pk)

    waiting.refresh_from_db()
    assert waiting.thumbnail.name == first
    assert File.objects.filter(pk__startswith="thumbnails/").count() == 1
    assert "skipped thumbnail" in caplog.text


def test_a_post_that_is_gone_is_skipped_and_that_is_logged(waiting, make, caplog):
    caplog.set_level(logging.INFO)
    gone = waiting.pk
    waiting.delete()

    make(gone)

    assert f"skipped thumbnail of post {gone}" in caplog.text
    assert "failed" not in caplog.text


def test_it_runs_on_default():
    assert make_thumbnail.queue_name == "default"


@pytest.mark.parametrize("size", [(8, 6), (1, 900), (900, 1)])
def test_it_is_a_square_whatever_the_photo_was(alice, browser, size):
    from django.core.files.uploadedfile import SimpleUploadedFile

    browser(alice).post("/posts/new/", {"photo": SimpleUploadedFile("a.jpg", picture(size=size))})

    assert opened(Post.objects.get().thumbnail).size == (720, 720)
