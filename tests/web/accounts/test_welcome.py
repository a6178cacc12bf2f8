import logging
import re

import pytest

from web.accounts.tasks import mail_welcome
from web.letters.models import Letter


@pytest.fixture
def welcome(django_capture_on_commit_callbacks):
    """Run the job for a user id."""

    def run(user_id):
        with django_capture_on_commit_callbacks(execute=True):
            mail_welcome.enqueue(user_id)

    return run


def test_it_has_a_subject_a_text_and_a_page(alice, welcome):
    welcome(alice.pk)

    letter = Letter.objects.get()
    assert letter.recipients == "alice@example.com"
    assert "alice" in letter.subject
    assert "alice" in letter.text
    assert "<html" in letter.html


def test_it_speaks_the_language_of_its_reader(person, welcome):
    for language in ("en", "ja", "ko"):
        welcome(person(f"reader-{language}", language=language).pk)

    english, japanese, korean = Letter.objects.order_by("id")
    for part in ("subject", "text", "html"):
        assert re.search("[ぁ-んァ-ヶ]", getattr(japanese, part)), part
        assert re.search("[가-힣]", getattr(korean, part)), part
        assert getattr(english, part).isascii() or part != "subject"
    assert '<html lang="ja">' in japanese.html
    assert '<html lang="ko">' in korean.html


@pytest.mark.parametrize("fields", [{"email": ""}, {"is_active": False}])
def test_who_cannot_be_mailed_is_skipped_and_that_is_logged(person, welcome, caplog, fields):
    caplog.set_level(logging.INFO)
    carol = person("carol", **fields)

    welcome(carol.pk)

    assert f"skipped welcome mail: user {carol.pk}" in caplog.text
    assert not Letter.objects.exists()


def test_who_is_gone_is_skipped(alice, welcome, caplog):
    caplog.set_level(logging.INFO)
    gone = alice.pk
    alice.delete()

    welcome(gone)

    assert "skipped" in caplog.text
    assert not Letter.objects.exists()


def test_it_comes_even_when_other_mails_are_unwanted(person, welcome):
    welcome(person("carol", wants_mail=False).pk)

    assert Letter.objects.count() == 1


def test_it_runs_on_mailers():
    assert mail_welcome.queue_name == "mailers"
