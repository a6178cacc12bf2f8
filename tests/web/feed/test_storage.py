"""A photo from its upload to its end, wherever photos are kept; and what becomes of it when that place is away."""

from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from PIL import Image

from tests.servers import free_port
from tests.web.pictures import picture
from web.feed import photo
from web.feed.models import Post, thumbnail_name
from web.feed.tasks import delete_files, make_thumbnail
from web.files.errors import Unavailable
from web.files.models import File

SORRY = "Your photo could not be stored, so nothing was posted. Try again in a moment."


@pytest.fixture
def send(alice, browser):
    def send(**hidden):
        upload = SimpleUploadedFile("photo.jpg", picture())
        return browser(alice).post("/posts/new/", {"photo": upload, "caption": "Sunrise", **hidden})

    return send


@pytest.fixture(params=["key", "secret", "bucket", "endpoint"])
def broken(request, s3, keep):
    """The bucket cannot be used; what the log has to tell of it."""
    told = {"key": "InvalidAccessKeyId", "secret": "SignatureDoesNotMatch", "bucket": "NoSuchBucket"}
    value = f"http://127.0.0.1:{free_port()}" if request.param == "endpoint" else "not-what-it-was"
    keep(s3.address(**{request.param: value}))
    yield told.get(request.param, "cannot be reached")
    s3.empty()


@pytest.fixture
def away(s3, keep):
    keep(s3.address(endpoint=f"http://127.0.0.1:{free_port()}"))
    yield
    s3.empty()


def served(browser, file):
    return browser().get(f"/photos/{file.name}").status_code


def test_it_is_uploaded_cut_served_and_deleted(alice, browser, send, kept):
    assert send().status_code == 302

    post = Post.objects.get()
    assert sorted(kept()) == [post.photo.name, post.thumbnail.name]
    for file, size in ((post.photo, (8, 6)), (post.thumbnail, (720, 720))):
        response = browser().get(f"/photos/{file.name}")
        assert response["Content-Type"] == "image/jpeg"
        assert Image.open(BytesIO(response.content)).size == size

    browser(alice).post(f"/posts/{post.pk}/delete/")

    assert kept() == []
    assert served(browser, post.photo) == served(browser, post.thumbnail) == 404


def test_it_goes_with_its_author(alice, bob, browser, photo_by, password, kept):
    mine, his = photo_by(alice), photo_by(bob)

    browser(alice).post("/accounts/delete/", {"password": password})

    assert sorted(kept()) == [his.photo.name, his.thumbnail.name]
    assert served(browser, mine.photo) == 404


def test_it_stays_when_its_deletion_is_rolled_back(alice, photo_by, kept, django_capture_on_commit_callbacks):
    post = photo_by(alice)

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        post.delete()
        transaction.set_rollback(True)

    assert sorted(kept()) == [post.photo.name, post.thumbnail.name]


def test_one_that_is_sent_twice_is_kept_once(browser, alice, send, kept):
    form = browser(alice).get("/posts/new/").context["form"]
    hidden = {field.name: field.value() for field in form.hidden_fields()}

    assert send(**hidden)["Location"] == send(**hidden)["Location"]

    post = Post.objects.get()
    assert sorted(kept()) == [post.photo.name, post.thumbnail.name]


def test_one_whose_post_cannot_be_made_is_not_kept(send, kept, monkeypatch):
    def fail(self, **_):
        raise RuntimeError("no row today")

    monkeypatch.setattr(Post, "save", fail)
    with pytest.raises(RuntimeError, match="no row today"):
        send()

    assert kept() == []
    assert not Post.objects.exists()


def test_a_thumbnail_that_was_cut_but_not_noted_is_cut_again_as_the_same_file(alice, photo_by, kept):
    post = photo_by(alice, thumbnail="")
    default_storage.save(thumbnail_name(post), ContentFile(b"as after a kill -9"))

    make_thumbnail.call(post.pk)

    post.refresh_from_db()
    assert sorted(kept()) == [post.photo.name, post.thumbnail.name]
    assert Image.open(post.thumbnail.open()).size == (720, 720)


def test_a_thumbnail_that_was_cut_but_not_noted_goes_with_its_post(alice, browser, photo_by, kept):
    post = photo_by(alice, thumbnail="")
    default_storage.save(thumbnail_name(post), ContentFile(b"as after a kill -9"))

    browser(alice).post(f"/posts/{post.pk}/delete/")

    assert kept() == []


@pytest.mark.django_db(transaction=True)
def test_a_thumbnail_of_a_post_that_is_deleted_meanwhile_goes_too(alice, photo_by, kept, monkeypatch):
    post = photo_by(alice, thumbnail="")

    def cut(file):
        Post.objects.get().delete()
        assert kept() == []
        return ContentFile(picture())

    monkeypatch.setattr(photo, "thumbnail", cut)
    make_thumbnail.call(post.pk)

    assert kept() == []


def test_what_a_post_has_is_not_deleted(alice, photo_by, kept):
    post = photo_by(alice)

    delete_files.call([post.photo.name, post.thumbnail.name])

    assert sorted(kept()) == [post.photo.name, post.thumbnail.name]


def test_an_upload_that_cannot_be_kept_is_told_and_leaves_nothing(send, broken, s3, caplog):
    response = send()

    assert response.status_code == 200
    assert response.context["form"].errors == {"photo": [SORRY]}
    assert SORRY in response.text
    assert "Sunrise" in response.text
    assert not Post.objects.exists() and s3.names() == []
    assert broken in caplog.text and "Correct STORAGE_URL" in caplog.text
    assert s3.secret not in caplog.text


def test_what_the_bucket_may_have_taken_before_it_was_away_is_deleted_later(send, away, queue):
    send()

    assert queue("default") == ["web.feed.tasks.delete_files"]


def test_a_thumbnail_is_tried_again_when_the_bucket_is_away(alice, s3, keep, away):
    post = Post.objects.create(author=alice, photo="photos/a.jpg", width=8, height=6)
    with pytest.raises(Unavailable, match="cannot be reached"):  # a job that raises is tried again
        make_thumbnail.call(post.pk)

    keep(s3.url)
    default_storage.save("photos/a.jpg", ContentFile(picture()))
    make_thumbnail.call(post.pk)

    post.refresh_from_db()
    assert sorted(s3.names()) == [post.photo.name, post.thumbnail.name]


def test_a_deletion_is_done_though_the_bucket_is_away_and_its_files_wait_for_a_job(alice, browser, away, queue):
    post = Post.objects.create(author=alice, photo="photos/a.jpg", width=8, height=6)

    assert browser(alice).post(f"/posts/{post.pk}/delete/").status_code == 302

    assert not Post.objects.exists()
    assert queue("default") == ["web.feed.tasks.delete_files"]
    with pytest.raises(Unavailable, match="cannot be reached"):
        delete_files.call(["photos/a.jpg"])


@pytest.mark.parametrize("page", ["/", "/explore/", "/people/alice/", "/posts/{pk}/", "/notifications/"])
def test_no_page_reads_what_is_in_a_photo(alice, bob, browser, photo_by, page):
    post = photo_by(alice)
    post.like(bob)
    assert File.objects.count() == 2

    with CaptureQueriesContext(connection) as queries:
        assert post.photo.name.removeprefix("photos/") in browser(alice).get(page.format(pk=post.pk)).text

    assert not [query for query in queries if "files_file" in query["sql"]]
