"""Every page asks the database a fixed number of questions, whether it shows one thing or a page full of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from web.feed.models import Follow

FULL = 12


@pytest.fixture
def crowd(person):
    return [person(f"person{number}") for number in range(FULL)]


@pytest.fixture
def fill(alice, crowd, photo_by):
    """Have that many photos, each by somebody else, with that many likes and comments on the last one."""

    def fill(count):
        for author in crowd[:count]:
            Follow.begin(alice, author)
            post = photo_by(author)
        for reader in crowd[:count]:
            post.like(reader)
            post.comment(reader, "nice")
        return post

    return fill


@pytest.mark.parametrize("count", [1, FULL])
@pytest.mark.parametrize("page, stranger, reader", [("/", 1, 4), ("/explore/", 1, 3)])
def test_a_page_of_posts(alice, browser, fill, django_assert_num_queries, page, stranger, reader, count):
    fill(count)
    for visitor, number in ((browser(), stranger), (browser(alice), reader)):
        with django_assert_num_queries(number):
            shown = visitor.get(page).context["posts"]
        assert len(shown) == count


@pytest.mark.parametrize("count", [1, FULL])
def test_a_profile(alice, bob, browser, photo_by, django_assert_num_queries, count):
    for _ in range(count):
        photo_by(bob)
    for visitor, number in ((browser(), 5), (browser(alice), 8)):
        with django_assert_num_queries(number):
            shown = visitor.get("/people/bob/").context["posts"]
        assert len(shown) == count


@pytest.mark.parametrize("count", [1, FULL])
def test_a_post_with_comments(alice, browser, fill, django_assert_num_queries, count):
    post = fill(count)
    for visitor, number in ((browser(), 2), (browser(alice), 4)):
        with django_assert_num_queries(number):
            shown = visitor.get(post.get_absolute_url()).context["comments"]
        assert len(shown) == count


@pytest.mark.parametrize("page", ["/", "/explore/", "/people/person0/", "/?before=9999"])
def test_no_page_loads_more_posts_than_it_shows(alice, browser, fill, page):
    fill(1)
    reader = browser(alice)

    with CaptureQueriesContext(connection) as queries:
        reader.get(page)

    loads = [query["sql"] for query in queries if '"feed_post"."caption"' in query["sql"]]
    assert len(loads) == 1
    assert "LIMIT 13" in loads[0]
