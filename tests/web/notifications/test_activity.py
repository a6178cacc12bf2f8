import pytest
from django.db import transaction

from web.feed.models import Follow
from web.letters.models import Letter
from web.notifications.models import Activity, Verb

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(alice, photo_by):
    return photo_by(alice)


@pytest.fixture
def do(browser):
    """Do something as a person would: `do(bob, "posts/1/like")`; its job runs."""

    def do(person, address, **data):
        assert browser(person).post(f"/{address}/", data).status_code == 302

    return do


def told():
    """Actor, verb and recipient of each activity that stands."""
    standing = Activity.objects.filter(withdrawn=False).order_by("id")
    return [(activity.actor.username, activity.verb, activity.recipient.username) for activity in standing]


def subjects():
    return list(Letter.objects.order_by("id").values_list("subject", flat=True))


def test_a_like_is_told_to_the_author_and_mailed(alice, bob, post, do):
    do(bob, f"posts/{post.pk}/like")

    assert told() == [("bob", "liked", "alice")]
    assert Activity.objects.get().target == post
    assert subjects() == ["bob liked your photo"]
    assert Letter.objects.get().user == alice


def test_a_comment_is_told_to_the_author_and_mailed(bob, post, do):
    do(bob, f"posts/{post.pk}/comments", text="What a light!")

    assert told() == [("bob", "commented", "alice")]
    assert Activity.objects.get().target == post.comments.get()
    assert subjects() == ["bob commented on your photo"]
    assert "What a light!" in Letter.objects.get().text
    assert "What a light!" in Letter.objects.get().html


def test_a_follow_is_told_to_the_followed_and_mailed(alice, bob, do):
    do(bob, "people/alice/follow")

    assert told() == [("bob", "followed", "alice")]
    assert subjects() == ["bob followed you"]
    assert bob.get_absolute_url() in Letter.objects.get().text


def test_ones_own_deeds_are_silent(alice, post, do):
    do(alice, f"posts/{post.pk}/like")
    do(alice, f"posts/{post.pk}/comments", text="my own")

    assert not Activity.objects.exists()
    assert not Letter.objects.exists()


def test_two_comments_send_two_mails(bob, post, do):
    do(bob, f"posts/{post.pk}/comments", text="one")
    do(bob, f"posts/{post.pk}/comments", text="two")

    assert Activity.objects.count() == 2
    assert len(subjects()) == 2


@pytest.mark.parametrize(
    "deed, undo", [("posts/{pk}/like", "posts/{pk}/unlike"), ("people/alice/follow", "people/alice/unfollow")]
)
def test_undoing_and_doing_again_sends_no_second_mail(bob, post, do, jobs, deed, undo):
    for _ in range(3):
        do(bob, deed.format(pk=post.pk))
        assert len(told()) == 1
        do(bob, undo.format(pk=post.pk))
        assert told() == []
    do(bob, deed.format(pk=post.pk))

    assert Activity.objects.count() == 1
    assert len(told()) == 1
    assert len(subjects()) == 1
    assert jobs == ["web.notifications.tasks.mail_activity"]


def test_each_actor_verb_and_target_has_a_row_of_its_own(alice, bob, person, photo_by, post, do):
    carol, second = person("carol"), photo_by(alice)
    for liker in (bob, carol):
        do(liker, f"posts/{post.pk}/like")
        do(liker, f"posts/{second.pk}/like")
        do(liker, "people/alice/follow")

    assert Activity.objects.count() == 6
    assert len(subjects()) == 6


def test_a_photo_and_a_person_with_the_same_number_are_not_confused(alice, bob, photo_by, do):
    post = photo_by(alice, pk=alice.pk)

    do(bob, f"posts/{post.pk}/like")
    do(bob, "people/alice/follow")
    do(bob, f"posts/{post.pk}/unlike")

    assert told() == [("bob", "followed", "alice")]


def test_a_deed_that_is_rolled_back_is_told_to_nobody(bob, post, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        post.like(bob)
        transaction.set_rollback(True)

    assert not Activity.objects.exists()
    assert not Letter.objects.exists()


@pytest.mark.parametrize("deed", [lambda post, bob: post.like(bob), lambda post, bob: post.comment(bob, "hi")])
def test_what_was_told_goes_with_the_photo(bob, post, deed):
    deed(post, bob)
    assert Activity.objects.count() == 1

    post.delete()

    assert not Activity.objects.exists()


def test_what_was_told_goes_with_the_comment(bob, post):
    comment = post.comment(bob, "hi")

    comment.delete()

    assert not Activity.objects.exists()


@pytest.mark.parametrize("who", ["actor", "recipient"])
def test_what_was_told_goes_with_the_person(alice, bob, post, who):
    post.like(bob)
    Follow.begin(bob, alice)

    (bob if who == "actor" else alice).delete()

    assert not Activity.objects.exists()


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("language", ["en", "ja", "ko"])
def test_every_verb_has_a_sentence_in_every_language(alice, bob, post, verb, language):
    from django.utils import translation

    activity = Activity(actor=bob, verb=verb, target=post, recipient=alice)

    with translation.override(language):
        assert "bob" in str(activity)
        assert str(activity).isascii() == (language == "en")
