"""Whom the mails of a job were taken for, over several attempts at it."""

import json
import logging

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import free_port
from tests.worker.attempt import attempt
from worker import keys, sent
from worker.connection import connect
from worker.line import Direct

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"


@pytest.fixture
def redis():
    redis = connect()
    redis.flushdb()
    yield redis
    redis.flushdb()


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(sent, "memory", sent.Memory())


def send(*addresses):
    """Send a mail as far as it is missing; returns (its id, whom it was sent to)."""
    mail = sent.next_mail(list(addresses))
    missing = mail.missing
    if missing:
        mail.note(missing)
    return mail.id, missing


@pytest.mark.parametrize("fetched", [True, False])
def test_a_rerun_sends_no_mail_again(redis, fetched):
    with attempt(fetched=fetched):
        assert [send(ALICE), send(ALICE), send(BOB, CAROL)] == [
            ("j", [ALICE]), ("j.2", [ALICE]), ("j.3", [BOB, CAROL]),
        ]  # fmt: skip
    with attempt(fetched=fetched):
        assert [send(ALICE), send(ALICE), send(BOB, CAROL)] == [("j", []), ("j.2", []), ("j.3", [])]
    with attempt("another", fetched):
        assert send(ALICE) == ("another", [ALICE])


@pytest.mark.parametrize("fetched", [True, False])
def test_a_rerun_begins_where_the_attempt_before_it_ended(redis, fetched):
    with attempt(fetched=fetched):
        send(ALICE)
        sent.next_mail([BOB])  # refused
    with attempt(fetched=fetched):
        assert [send(ALICE), send(BOB), send(CAROL)] == [("j", []), ("j.2", [BOB]), ("j.3", [CAROL])]


@pytest.mark.parametrize("fetched", [True, False])
def test_a_mail_that_was_taken_for_some_goes_to_the_others_alone(redis, fetched):
    with attempt(fetched=fetched):
        sent.next_mail([ALICE, BOB, CAROL]).note([BOB])
    with attempt(fetched=fetched):
        assert send(ALICE, BOB, CAROL) == ("j", [ALICE, CAROL])
    with attempt(fetched=fetched):
        assert send(ALICE, BOB, CAROL) == ("j", [])


def test_who_has_left_since_costs_nobody_a_mail(redis):
    with attempt():
        assert [send(ALICE)[0], send(BOB)[0], send(CAROL)[0]] == ["j", "j.2", "j.3"]
    with attempt():
        assert [send(BOB), send(CAROL), send("dave@example.com")] == [
            ("j.2", []), ("j.3", []), ("j.4", ["dave@example.com"]),
        ]  # fmt: skip


def test_a_job_within_a_job_has_mails_of_its_own(redis):
    with attempt("outer"):
        assert send(ALICE)[0] == "outer"
        with attempt("inner"):
            assert send(ALICE) == ("inner", [ALICE])
        assert send(ALICE) == ("outer.2", [ALICE])


def test_outside_a_job_every_mail_is_a_new_one(redis):
    (first, to), (second, to_too) = send(ALICE), send(ALICE)
    assert first != second
    assert to == to_too == [ALICE]
    assert redis.dbsize() == 0


def test_notes_are_kept_a_day_and_once_they_matter_as_long_as_the_dead(redis):
    with attempt():
        send(ALICE)
        sent.next_mail([ALICE, BOB]).note([ALICE])
    whole, part = keys.done("j.1"), keys.done("j.2")
    assert json.loads(redis.get(part)) == {"mailed": [ALICE], "answer": ""}
    assert sent.KEPT - 60 < redis.ttl(whole) <= sent.KEPT
    assert sent.KEPT_LONG - 60 < redis.ttl(part) <= sent.KEPT_LONG
    with attempt():
        send(ALICE)
    assert sent.KEPT_LONG - 60 < redis.ttl(whole) <= sent.KEPT_LONG


def test_notes_of_other_backends_need_no_redis_and_do_not_pile_up(redis, monkeypatch):
    monkeypatch.setattr(sent, "REMEMBERED", 3)
    for number in range(5):
        with attempt(f"j{number}", fetched=False):
            send(ALICE)
    assert redis.dbsize() == 0
    assert list(sent.memory.kept) == ["j2.1", "j3.1", "j4.1"]


@pytest.fixture
def redis_is_away(monkeypatch):
    away = Direct(Redis(port=free_port(), retry=Retry(NoBackoff(), 0)))
    monkeypatch.setattr(sent, "commands", lambda: away)


def test_while_redis_is_away_a_mail_is_sent_and_that_is_said(redis_is_away, caplog):
    with attempt():
        assert send(ALICE, BOB) == ("j", [ALICE, BOB])
    read, written = [record for record in caplog.records if record.name == sent.__name__]
    assert (read.levelno, written.levelno) == (logging.WARNING, logging.ERROR)
    assert "mail j.1" in read.getMessage()
    assert "mail j.1 was sent" in written.getMessage()
    assert "a rerun will send it again" in written.getMessage()
