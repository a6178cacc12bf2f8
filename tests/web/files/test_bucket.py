import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.servers import free_port
from web.files.errors import Unavailable


@pytest.fixture
def bucket(s3, keep):
    keep(s3.url)
    yield s3
    s3.empty()


def test_a_file_comes_back_as_it_was_and_its_name_is_overwritten(bucket):
    for content in (b"old", b"new" * 1_000_000):
        assert default_storage.save("photos/a.jpg", ContentFile(content)) == "photos/a.jpg"
        assert default_storage.open("photos/a.jpg").read() == content
        assert default_storage.size("photos/a.jpg") == len(content)
    assert bucket.names() == ["photos/a.jpg"]
    assert bucket.objects.head_object(Bucket="photos", Key="photos/a.jpg")["ContentType"] == "image/jpeg"


def test_what_is_deleted_is_gone_and_may_be_deleted_again(bucket):
    default_storage.save("a.jpg", ContentFile(b"a"))
    assert default_storage.exists("a.jpg")

    default_storage.delete("a.jpg")
    default_storage.delete("a.jpg")

    assert not default_storage.exists("a.jpg")
    for ask in (default_storage.open, default_storage.size):
        with pytest.raises(FileNotFoundError, match="a.jpg"):
            ask("a.jpg")


def test_all_threads_of_a_worker_use_one_client(bucket):
    default_storage.save("a.jpg", ContentFile(b"a"))
    start, clients = threading.Barrier(25), set()

    def ask(_):
        start.wait(10)
        read = default_storage.open("a.jpg").read()
        clients.add(id(default_storage.bucket.meta.client))
        return read, default_storage.exists("a.jpg"), default_storage.size("a.jpg")

    with ThreadPoolExecutor(25) as threads:
        assert set(threads.map(ask, range(25))) == {(b"a", True, 1)}
    assert len(clients) == 1


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"key": "nobody"}, "bucket photos at http.* refused {asked} of a.jpg: InvalidAccessKeyId .*does not exist"),
        ({"secret": "hush-hush"}, "refused {asked} of a.jpg: SignatureDoesNotMatch"),
        ({"bucket": "no-such-bucket"}, "bucket no-such-bucket at http.* refused {asked} of a.jpg: NoSuchBucket"),
        ({"endpoint": f"http://127.0.0.1:{free_port()}"}, "cannot be reached: Could not connect"),
    ],
    ids=["key", "secret", "bucket", "endpoint"],
)
def test_what_is_wrong_is_told_without_the_secret(s3, keep, caplog, wrong, told):
    keep(s3.address(**wrong))
    asks = {"PutObject": lambda: default_storage.save("a.jpg", ContentFile(b"a")),
            "GetObject": lambda: default_storage.open("a.jpg")}  # fmt: skip

    for asked, ask in asks.items():
        with pytest.raises(Unavailable, match=told.format(asked=asked)) as error:
            ask()
        assert error.value.name == "a.jpg"
        assert error.value.__suppress_context__
    assert caplog.text.count("Correct STORAGE_URL") == 2
    assert s3.secret not in caplog.text and "hush-hush" not in caplog.text


def test_what_the_environment_says_of_another_account_is_not_used(bucket, keep, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_S3_SESSION_PROFILE"):
        monkeypatch.setenv(name, "x")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    keep(bucket.url)

    default_storage.save("a.jpg", ContentFile(b"a"))

    assert bucket.names() == ["a.jpg"]
