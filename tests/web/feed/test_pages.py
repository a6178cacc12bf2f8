import pytest

from web.feed.models import Follow

PAGES = ["/", "/explore/", "/people/alice/"]


@pytest.mark.parametrize("page", PAGES)
def test_the_newest_stands_first(alice, browser, photo_by, page):
    for caption in ("oldest", "older", "new"):
        photo_by(alice, caption)

    assert [post.caption for post in browser().get(page).context["posts"]] == ["new", "older", "oldest"]


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_page_says_what_to_do(alice, browser, page):
    assert "No photos yet" in browser().get(page).text
    assert "Post a photo" in browser(alice).get(page).text


@pytest.mark.parametrize("page", PAGES)
def test_older_photos_follow_on_further_pages_without_gap_or_repetition(alice, browser, photo_by, page):
    wanted = [photo_by(alice).pk for _ in range(27)][::-1]
    visitor = browser()

    response, seen = visitor.get(page), []
    while True:
        seen += [post.pk for post in response.context["posts"]]
        if not (older := response.context["older"]):
            break
        assert f"?before={older}" in response.text
        photo_by(alice)  # what is posted meanwhile shifts nothing
        response = visitor.get(page, {"before": older})

    assert seen == wanted


def test_the_last_page_that_is_full_links_to_none(alice, browser, photo_by):
    for _ in range(12):
        photo_by(alice)

    response = browser().get("/explore/")

    assert len(response.context["posts"]) == 12
    assert "?before=" not in response.text


@pytest.mark.parametrize("page", PAGES)
def test_htmx_gets_the_older_photos_alone(alice, browser, photo_by, page):
    photo_by(alice)
    last = photo_by(alice)

    response = browser().get(page, {"before": last.pk}, headers={"hx-request": "true"})

    assert "<html" not in response.text
    assert response.text.count('data-testid="post"') == 1
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_cannot_be_is_no_error(alice, browser, page):
    visitor = browser()
    for before in ("", "0", "-1", "x", "1.5", "²", "٣", "9" * 30, "9" * 5000, "%00", "1; DROP TABLE"):
        assert visitor.get(page, {"before": before}).status_code == 200


def test_home_shows_everybodys_photos_to_who_follows_nobody(alice, bob, browser, photo_by):
    photo_by(alice, "of alice")

    assert "of alice" in browser(bob).get("/").text
    assert "of alice" in browser().get("/").text


def test_photos_of_somebody_inactive_are_on_no_page(alice, bob, browser, photo_by):
    post = photo_by(alice, "of alice")
    Follow.begin(bob, alice)
    alice.is_active = False
    alice.save()
    reader = browser(bob)

    for page in ("/", "/explore/"):
        assert "of alice" not in reader.get(page).text
    for address in ("", "thumbnail/"):
        assert reader.get(f"/posts/{post.pk}/{address}").status_code == 404
    for address in ("like/", "unlike/", "comments/"):
        assert reader.post(f"/posts/{post.pk}/{address}", {"text": "hi"}).status_code == 404
    assert (post.likes.count(), post.comments.count()) == (0, 0)


def test_a_profile_counts(alice, bob, browser, photo_by):
    photo_by(alice)
    photo_by(bob)
    Follow.begin(bob, alice)

    context = browser().get("/people/alice/").context

    assert (context["post_count"], context["follower_count"], context["following_count"]) == (1, 1, 0)
    assert [post.author for post in context["posts"]] == [alice]


@pytest.mark.parametrize("page", [*PAGES, "/accounts/login/", "/accounts/signup/", "/nothing/here/"])
def test_a_page_runs_nothing_that_its_own_policy_forbids(alice, browser, photo_by, page):
    photo_by(alice, "a caption")

    response = browser().get(page)

    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for inline in ("<style", " style=", " onclick=", " onload=", "javascript:"):
        assert inline not in response.text
    assert response.text.count("<script") == response.text.count("<script src=")
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
