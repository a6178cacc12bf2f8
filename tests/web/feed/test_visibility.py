"""A post that only its author sees is seen by nobody else, wherever they look."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.web.pictures import picture
from web.feed.models import Follow, Post, Visibility
from web.notifications.models import Activity


@pytest.fixture
def send(browser):
    """Post a photo through the form: `send(alice, visibility="only_me")`."""

    def send(author, caption="", **fields):
        photo = SimpleUploadedFile("photo.jpg", picture())
        return browser(author).post("/posts/new/", {"photo": photo, "caption": caption, **fields})

    return send


@pytest.fixture
def secret(alice, send):
    send(alice, "a secret", visibility="only_me")
    return Post.objects.get()


@pytest.fixture
def others(alice, bob, staff, browser):
    """Those who follow Alice, are staff, or are not signed in."""
    Follow.begin(bob, alice)
    return [browser(bob), browser(staff), browser()]


def test_the_form_asks_who_sees_it_and_everybody_is_the_answer_when_nothing_is_said(alice, browser, send):
    assert browser(alice).get("/posts/new/").context["form"]["visibility"].value() == "everybody"
    send(alice, "not asked")
    send(alice, "left empty", visibility="")
    send(alice, "asked", visibility="everybody")

    assert set(Post.objects.values_list("visibility", flat=True)) == {"everybody"}
    assert browser().get("/people/alice/").text.count('data-testid="post"') == 3


def test_another_answer_is_refused(alice, send):
    assert "visibility" in send(alice, visibility="friends").context["form"].errors
    assert not Post.objects.exists()


def test_sending_the_form_again_with_another_answer_is_another_post(alice, browser, send):
    form = browser(alice).get("/posts/new/").context["form"]
    submission = form["submission"].value()
    for visibility in ("everybody", "only_me", "only_me"):
        send(alice, visibility=visibility, submission=submission)

    assert sorted(Post.objects.values_list("visibility", flat=True)) == ["everybody", "only_me"]


@pytest.mark.parametrize("page", ["/", "/explore/", "/people/alice/", "/?before=9999"])
def test_pages_show_it_to_its_author_alone(alice, browser, secret, others, page):
    assert [post.pk for post in browser(alice).get(page).context["posts"]] == [secret.pk]
    assert "Only you see it" in browser(alice).get(page).text
    for reader in others:
        response = reader.get(page)
        assert response.context["posts"] == []
        assert "a secret" not in response.text


def test_a_profile_counts_what_the_reader_sees(alice, browser, secret, others, photo_by):
    photo_by(alice)

    assert browser(alice).get("/people/alice/").context["post_count"] == 2
    assert {reader.get("/people/alice/").context["post_count"] for reader in others} == {1}


def test_its_page_and_its_thumbnail_are_there_for_its_author_alone(alice, browser, secret, others):
    for address in ("", "thumbnail/"):
        assert browser(alice).get(f"/posts/{secret.pk}/{address}").status_code == 200
        assert [reader.get(f"/posts/{secret.pk}/{address}").status_code for reader in others] == [404] * 3


def test_its_files_are_there_for_its_author_alone_and_no_cache_keeps_them(alice, browser, secret, others):
    assert secret.thumbnail
    for file in (secret.photo, secret.thumbnail):
        response = browser(alice).get(f"/photos/{file.name}")
        assert response.status_code == 200
        assert response["Cache-Control"] == "private, no-store"
        assert [reader.get(f"/photos/{file.name}").status_code for reader in others] == [404] * 3


@pytest.mark.parametrize("way", ["{0}/{1}", "./{0}/{1}", "x/../{0}/{1}", "/{0}/{1}", "PRIVATE/{1}", "{0}//{1}"])
def test_no_other_way_of_writing_its_name_leads_to_a_file(secret, others, way):
    folder, private, name = secret.photo.name.split("/")
    address = f"/photos/{folder}/{way.format(private, name)}"

    assert [reader.get(address).status_code for reader in others] == [404] * 3


def test_a_photo_for_everybody_costs_no_query_but_that_of_the_file_and_depends_on_no_cookie(
    alice, bob, browser, photo_by, django_assert_num_queries
):
    post, reader = photo_by(alice), browser(bob)
    with django_assert_num_queries(1):
        response = reader.get(f"/photos/{post.photo.name}")

    assert "public" in response["Cache-Control"]
    assert "Vary" not in response


def test_its_files_go_with_its_row(alice, browser, secret):
    name = secret.photo.name
    browser(alice).post(f"/posts/{secret.pk}/delete/")

    assert browser(alice).get(f"/photos/{name}").status_code == 404


def test_nobody_else_likes_it_or_comments_on_it(secret, others):
    for deed in ("like", "unlike", "comments"):
        answers = [reader.post(f"/posts/{secret.pk}/{deed}/", {"text": "hi"}).status_code for reader in others]
        assert answers == [404, 404, 302]  # a stranger is asked to sign in, whatever is there

    assert (secret.likes.count(), secret.comments.count()) == (0, 0)


def test_its_author_likes_it_and_comments_on_it_and_nobody_is_told(alice, browser, secret):
    author = browser(alice)
    author.post(f"/posts/{secret.pk}/like/")
    author.post(f"/posts/{secret.pk}/comments/", {"text": "note to self"})

    assert (secret.likes.count(), secret.comments.count()) == (1, 1)
    assert not Activity.objects.filter(actor=alice).exists()
    author.post(f"/posts/{secret.pk}/unlike/")
    assert secret.likes.count() == 0


def test_what_it_is_that_nobody_knows_is_kept_from_others(alice, photo_by, others):
    """A value of a later release is not for everybody either."""
    post = photo_by(alice, "of tomorrow", visibility="friends")

    assert post.is_private
    assert [reader.get(post.get_absolute_url()).status_code for reader in others] == [404] * 3


@pytest.fixture
def migrate(transactional_db):
    """Migrate the feed to a migration; returns the models that its release had. In the end all is as it was."""

    def migrate(name):
        MigrationExecutor(connection).migrate([("feed", name)])
        return MigrationExecutor(connection).loader.project_state([("feed", name)]).apps

    yield migrate
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("feed"))


def test_posts_from_before_and_of_the_release_before_are_for_everybody(migrate, person):
    """The release before goes on for a while after the migration, and writes rows without this column."""
    fields = {"author_id": person("alice").pk, "photo": "photos/a.jpg", "width": 1, "height": 1}
    before = migrate("0001_initial").get_model("feed", "Post")
    before.objects.create(**fields)
    migrate("0002_post_visibility")
    before.objects.create(**fields)

    assert list(Post.objects.values_list("visibility", flat=True)) == [Visibility.EVERYBODY] * 2
