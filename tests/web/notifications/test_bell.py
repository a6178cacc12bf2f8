import pytest
from django.db.models import query

from tests.web.races import posting
from web.feed.models import Follow
from web.notifications.models import Activity


@pytest.fixture
def post(alice, photo_by):
    return photo_by(alice, "Sunrise")


def unread(page):
    """The number on the bell of a page, or None."""
    from re import search

    found = search(r'data-testid="unread">(\d+)<', page.text)
    return found and int(found[1])


def test_it_counts_what_is_new_for_its_reader(alice, bob, person, browser, post):
    post.like(bob)
    post.comment(bob, "hi")
    Follow.begin(person("carol"), alice)

    assert unread(browser(alice).get("/explore/")) == 3
    assert unread(browser(bob).get("/explore/")) is None
    assert unread(browser().get("/explore/")) is None


def test_what_was_undone_is_not_counted_and_not_shown(alice, bob, browser, post):
    post.like(bob)
    post.unlike(bob)

    assert unread(browser(alice).get("/explore/")) is None
    assert "bob liked" not in browser(alice).get("/notifications/").text


def test_looking_makes_it_read(alice, bob, browser, post):
    post.like(bob)
    reader = browser(alice)

    first, second = reader.get("/notifications/"), reader.get("/notifications/")

    assert first.text.count(">new<") == 1
    assert second.text.count(">new<") == 0
    assert unread(reader.get("/explore/")) is None
    assert "bob liked your photo" in second.text


def test_looking_leaves_what_is_new_for_others(alice, bob, browser, post):
    post.like(bob)

    browser(bob).get("/notifications/")

    assert not Activity.objects.get().read


def test_the_latest_stands_first_and_leads_to_what_it_tells_of(alice, bob, browser, post):
    post.like(bob)
    comment = post.comment(bob, "What a light!")
    Follow.begin(bob, alice)

    page = browser(alice).get("/notifications/").text

    lines = ["bob followed you", "bob commented on your photo", "bob liked your photo"]
    assert sorted(lines, key=page.index) == lines
    for address in (bob.get_absolute_url(), comment.get_absolute_url(), post.get_absolute_url()):
        assert f'href="{address}"' in page
    assert "What a light!" in page


def test_an_empty_page_says_what_to_do(alice, browser):
    assert "Nothing has happened yet" in browser(alice).get("/notifications/").text


def test_a_stranger_signs_in_first(browser):
    assert browser().get("/notifications/")["Location"] == "/accounts/login/?next=/notifications/"


def test_a_thousand_activities_are_not_all_shown(alice, person, browser, post):
    for number in range(60):
        post.comment(person(f"person{number}"), "hi")

    assert len(browser(alice).get("/notifications/").context["activities"]) == 50


@pytest.mark.parametrize("count", [1, 12])
def test_the_number_of_queries_is_fixed(alice, person, browser, photo_by, django_assert_num_queries, count):
    for number in range(count):
        actor, post = person(f"person{number}"), photo_by(alice)
        post.like(actor)
        post.comment(actor, "hi")
        Follow.begin(actor, alice)
    reader = browser(alice)

    with django_assert_num_queries(7):
        shown = reader.get("/notifications/").context["activities"]

    assert len(shown) == 3 * count


@pytest.mark.django_db(transaction=True)
def test_a_comment_that_is_deleted_while_it_is_read_breaks_nothing(alice, bob, browser, photo_by, before):
    comment, reader = photo_by(alice).comment(bob, "nice"), browser(alice)
    before(query, "prefetch_related_objects", posting(browser(bob), f"/comments/{comment.pk}/delete/"))

    assert reader.get("/notifications/").status_code == 200
