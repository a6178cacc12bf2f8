"""How a file is served; its address and policy are the feed's, see tests/web/feed/test_photo.py."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.servers import free_port
from tests.web.pictures import picture

NAME, CONTENT = "photos/a.jpg", picture()
ADDRESS, ETAG = f"/photos/{NAME}", f'"{NAME}"'


@pytest.fixture
def there(kept):
    default_storage.save(NAME, ContentFile(CONTENT))


def test_the_whole_file_may_be_kept_for_ever(browser, there):
    response = browser().get(ADDRESS)

    assert (response.status_code, response.content) == (200, CONTENT)
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["ETag"] == ETAG
    assert not response.cookies and "Cookie" not in response.get("Vary", "")


def test_the_head_tells_the_same_without_the_file(browser, there):
    whole, head = browser().get(ADDRESS), browser().head(ADDRESS)

    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Cache-Control", "ETag"):
        assert head[name] == whole[name]


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("has", [ETAG, f"W/{ETAG}", f'"x", {ETAG}', "*"])
def test_who_has_it_is_told_that_it_is_the_same(browser, there, method, has):
    response = getattr(browser(), method)(ADDRESS, headers={"if-none-match": has})

    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == ETAG and "immutable" in response["Cache-Control"]


def test_who_has_another_one_gets_it(browser, there):
    assert browser().get(ADDRESS, headers={"if-none-match": '"photos/b.jpg"'}).content == CONTENT
    assert browser().get(ADDRESS, headers={"if-match": '"photos/b.jpg"'}).status_code == 412


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("has", ["", ETAG, "*"])
def test_what_is_gone_is_gone_also_for_who_has_it(browser, kept, method, has):
    response = getattr(browser(), method)(ADDRESS, headers={"if-none-match": has} if has else {})

    assert response.status_code == 404
    assert "immutable" not in response.get("Cache-Control", "")


@pytest.mark.parametrize("method, headers", [("head", {}), ("get", {"if-none-match": ETAG})])
def test_the_database_reads_a_file_only_for_who_has_none(browser, method, headers):
    default_storage.save(NAME, ContentFile(CONTENT))
    visitor = browser()

    with CaptureQueriesContext(connection) as queries:
        getattr(visitor, method)(ADDRESS, headers=headers)

    (query,) = queries
    assert 'LENGTH("files_file"."content")' in query["sql"]


@pytest.mark.parametrize("wrong", [{"secret": "not-what-it-was"}, {"endpoint": f"http://127.0.0.1:{free_port()}"}])
@pytest.mark.parametrize("method", ["get", "head"])
def test_while_it_is_away_nobody_is_told_for_ever(browser, s3, keep, wrong, method):
    keep(s3.address(**wrong))

    response = getattr(browser(), method)(ADDRESS)

    assert response.status_code == 503
    assert response["Cache-Control"] == "no-store"
    assert int(response["Retry-After"]) > 0
