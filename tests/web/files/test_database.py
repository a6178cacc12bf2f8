import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from web.files.models import File

pytestmark = pytest.mark.django_db
LARGE = bytes(range(256)) * 4 * 1024 * 10  # 10 MB


def test_a_file_comes_back_as_it_was_at_its_limit_too():
    assert default_storage.save("photos/large.jpg", ContentFile(LARGE)) == "photos/large.jpg"

    with default_storage.open("photos/large.jpg") as file:
        assert file.read() == LARGE
    assert default_storage.size("photos/large.jpg") == len(LARGE)


def test_an_empty_file_is_a_file():
    default_storage.save("a.jpg", ContentFile(b""))

    assert default_storage.open("a.jpg").read() == b""
    assert default_storage.size("a.jpg") == 0


def test_a_name_that_is_there_is_overwritten_without_reading_it():
    default_storage.save("a.jpg", ContentFile(b"old"))
    created = File.objects.get().created

    with CaptureQueriesContext(connection) as queries:
        assert default_storage.save("a.jpg", ContentFile(b"new")) == "a.jpg"

    assert default_storage.open("a.jpg").read() == b"new"
    assert File.objects.get().created == created
    assert not [query for query in queries if query["sql"].startswith("SELECT")]


def test_a_file_that_was_read_half_is_written_whole():
    content = ContentFile(b"content")
    content.read(3)

    default_storage.save("a.jpg", content)

    assert default_storage.open("a.jpg").read() == b"content"


def test_what_is_deleted_is_gone_and_may_be_deleted_again():
    default_storage.save("a.jpg", ContentFile(b"a"))
    assert default_storage.exists("a.jpg")

    default_storage.delete("a.jpg")
    default_storage.delete("a.jpg")

    assert not default_storage.exists("a.jpg")
    for ask in (default_storage.open, default_storage.size):
        with pytest.raises(FileNotFoundError, match="a.jpg"):
            ask("a.jpg")
