"""Who sees what (DESIGN, section 3): all letters for staff, and for everybody in DEBUG; in a demo a signed-in reader
sees what was sent to their user id, never by address, and a password reset is for staff or DEBUG alone."""

import pytest

from web.letters.models import Letter

PARTS = ["", "html/", "raw/", "attachments/0/"]
ALL = {"to alice", "reset of alice", "to bob", "to nobody"}
READERS = [
    # DEBUG, DEMO, reader, what they see; None is no access at all
    (False, False, None, None),
    (False, False, "alice", None),
    (False, False, "staff", ALL),
    (False, True, None, None),
    (False, True, "alice", {"to alice"}),
    (False, True, "bob", {"to bob"}),
    (False, True, "mallory", set()),
    (False, True, "staff", ALL),
    (True, False, None, ALL),
    (True, False, "alice", ALL),
    (True, True, "mallory", ALL),
]
readers = pytest.mark.parametrize("debug, demo, reader, seen", READERS)


@pytest.fixture
def letters(alice, bob):
    """One letter of each kind, by what it is. All went to one address, which must make no difference."""
    kinds = {
        "to alice": {"user": alice},
        "reset of alice": {"user": alice, "private": True},
        "to bob": {"user": bob},
        "to nobody": {"user": None},
    }
    raw = b'Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Disposition: attachment\n\nfile\n--x--\n'
    rest = {"sender": "us@example.com", "recipients": "alice@example.com", "raw": raw}
    return {
        subject: Letter.objects.create(subject=subject, message_id=subject, **kind, **rest)
        for subject, kind in kinds.items()
    }


@pytest.fixture
def visitor(settings, person, alice, bob, staff, browser, debug, demo, reader):
    """A browser of the reader under the settings. Mallory has signed up with Alice's address."""
    settings.DEBUG, settings.DEMO = debug, demo
    mallory = person("mallory", email="alice@example.com")
    return browser({"alice": alice, "bob": bob, "staff": staff, "mallory": mallory, None: None}[reader])


@readers
def test_the_list(letters, visitor, reader, seen):
    response = visitor.get("/letters/")

    if seen is None:
        assert response.status_code == (403 if reader else 302)
        assert not any(subject in response.text for subject in ALL)
    else:
        assert {subject for subject in ALL if f">{subject}<" in response.text} == seen


@readers
def test_each_part_of_each_letter(letters, visitor, reader, seen):
    for part in PARTS:
        answers = {name: visitor.get(f"/letters/{letter.pk}/{part}").status_code for name, letter in letters.items()}

        if seen is None:
            assert set(answers.values()) == {403 if reader else 302}
        else:
            assert answers == {name: 200 if name in seen else 404 for name in letters}


@readers
def test_deleting_one(letters, visitor, seen):
    for letter in letters.values():
        visitor.post(f"/letters/{letter.pk}/delete/")

    assert set(Letter.objects.values_list("subject", flat=True)) == ALL - (seen or set())


@readers
def test_deleting_all(letters, visitor, seen):
    visitor.post("/letters/delete/")

    assert set(Letter.objects.values_list("subject", flat=True)) == ALL - (seen or set())


@readers
def test_the_link_is_shown_to_those_who_may_follow_it(visitor, seen):
    assert ('href="/letters/"' in visitor.get("/explore/").text) == (seen is not None)


def test_nobody_reads_a_reset_by_signing_up_with_the_address_of_another(settings, alice, browser, password):
    settings.DEMO = True
    mallory = browser()
    form = {"username": "mallory", "email": "alice@example.com", "password1": password, "password2": password}
    mallory.post("/accounts/signup/", form)

    browser().post("/accounts/password/reset/", {"email": "alice@example.com"})

    assert Letter.objects.filter(user=alice, private=True).count() == 1
    assert mallory.get("/letters/").text.count('data-testid="letter"') == 1  # the welcome
    for letter in Letter.objects.filter(private=True):  # not even the reset of mallory's own account
        for part in PARTS:
            assert mallory.get(f"/letters/{letter.pk}/{part}").status_code == 404


def test_nobody_reads_the_letters_of_another_by_changing_their_address(settings, alice, bob, browser, letter_to):
    settings.DEMO = True
    letter = letter_to(alice)
    reader = browser(bob)

    reader.post("/accounts/settings/", {"email": "alice@example.com", "language": "en"})

    assert reader.get(f"/letters/{letter.pk}/").status_code == 404


def test_letters_go_with_the_person(alice, letter_to):
    letter_to(alice)

    alice.delete()

    assert not Letter.objects.exists()
