"""Photos where web and worker are two machines: each a folder of its own, with nothing in common but their servers."""

import re
from urllib.parse import unquote, urlsplit

import httpx
import pytest
import redis

from tests.journeys.people import Client
from tests.servers import free_port, get, until


@pytest.fixture(params=["database", "bucket"])
def machines(request, stack, tmp_path):
    """web, and worker, which is not started."""
    common = {"DEBUG": "1", "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    if request.param == "bucket":
        common["STORAGE_URL"] = request.getfixturevalue("s3").url
    web = stack(**common)
    worker = stack(**common, REDIS_URL=web.environment["REDIS_URL"])
    web.manage("migrate")
    web.start("redis", "web")
    return web, worker


def publish(client, photo):
    """The address of the new post, and of its photo."""
    files = {"photo": ("photo.jpg", photo.read_bytes(), "image/jpeg")}
    response = client.post("/posts/new/", data={"csrfmiddlewaretoken": client.cookies["csrftoken"]}, files=files)
    return response.url.path, re.search(r"/photos/photos/[\w-]+\.jpg", response.text)[0]


def waiting(web, key):
    with redis.from_url(web.environment["REDIS_URL"]) as jobs:
        return jobs.zcard(key) if key == "retry" else jobs.llen(key)


def test_what_web_takes_the_worker_cuts_web_serves_and_the_worker_deletes(machines, photo):
    web, worker = machines
    alice, right = Client(web.url, "Alice"), worker.environment.get("STORAGE_URL")
    alice.get("/posts/new/")
    post, address = publish(alice, photo)
    thumbnail = address.replace("/photos/photos/", "/photos/thumbnails/")
    assert alice.get(address).status_code == 200
    assert alice.get(thumbnail).status_code == 404

    if right:  # the worker finds its bucket away, and then not
        worker.environment["STORAGE_URL"] = re.sub(r":\d+$", f":{free_port()}", right)
        worker.start("worker")
        until(lambda: waiting(web, "retry") == 1, "the thumbnail to be tried again later", 90)
        worker.end("worker")
        assert "cannot be reached" in worker.log("worker")
        assert unquote(urlsplit(right).password) not in worker.log("worker")
        worker.environment["STORAGE_URL"] = right
        web.manage("jobs", "retry", "--all")
    worker.start("worker")
    until(lambda: thumbnail in alice.get("/explore/").text, "the thumbnail on the page", 90)
    for file in (address, thumbnail):
        answer = get(web.url + file)
        assert answer.headers["content-type"] == "image/jpeg"
        head = httpx.head(web.url + file, timeout=30)
        assert head.headers["content-length"] == str(len(answer.content)) and not head.content
        assert get(web.url + file, headers={"if-none-match": answer.headers["etag"]}).status_code == 304

    alice.submit(f"{post}delete/")
    until(lambda: {alice.get(file).status_code for file in (address, thumbnail)} == {404}, "the end of both files")
    assert [path for machine in machines for path in machine.folder.glob("var/**/*.jpg")] == []
