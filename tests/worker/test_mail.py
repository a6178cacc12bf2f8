"""Mails through the queued mailer and the delivering ones, to a real SMTP server or the inbox at /letters/."""

import logging
from email import message_from_bytes, policy

import pytest
from django.core.mail import EmailMessage, mailers, send_mail
from django.db import connection, transaction

from tests.servers import until
from tests.worker import tasks
from tests.worker.attempt import attempt
from tests.worker.post import PostOffice
from web import settings as project
from web.letters.models import Letter
from worker import backend, mail, retries, sent, smtp
from worker.connection import connect
from worker.job import Hopeless
from worker.smtp import Undelivered


@pytest.fixture(autouse=True)
def real_mailers(settings):
    """Not the in-memory ones that Django puts in their place during tests."""
    settings.MAILERS = project.MAILERS


@pytest.fixture(autouse=True)
def no_notes(monkeypatch):
    """Nobody has been sent anything."""
    monkeypatch.setattr(sent, "memory", sent.Memory())
    connect().flushdb()


@pytest.fixture
def jobs(monkeypatch):
    """The names of the tasks enqueued, each of which runs at once."""
    found = []
    push = backend.ImmediateBackend.push

    def noted(self, result):
        found.append((result.task.name, result.task.queue_name))
        push(self, result)

    monkeypatch.setattr(backend.ImmediateBackend, "push", noted)
    return found


@pytest.fixture
def office(settings):
    """The SMTP server that mail is delivered to."""
    office = PostOffice()
    office.start()
    options = {"host": "127.0.0.1", "port": office.port, "timeout": 10}
    settings.MAILERS = project.MAILERS | {"delivery": {"BACKEND": "worker.mail.SmtpMailer", "OPTIONS": options}}
    yield office
    office.stop()


def letter(number=1, to=("a@example.com",), **options):
    return EmailMessage(f"mail {number}", "text", "Us <us@example.com>", list(to), **options)


def header(envelope, name):
    return message_from_bytes(envelope.content, policy=policy.default)[name]


# Which mails become jobs


@pytest.mark.django_db(transaction=True)
def test_a_mail_sent_outside_a_job_becomes_one_job(jobs):
    assert send_mail("subject", "text", None, ["a@example.com"]) == 1
    assert jobs == [("deliver", "mailers")]
    assert Letter.objects.get().subject == "subject"


@pytest.mark.django_db(transaction=True)
def test_each_of_several_mails_becomes_a_job(jobs):
    assert mailers.default.send_messages([letter(number) for number in range(3)]) == 3
    assert jobs == [("deliver", "mailers")] * 3
    assert Letter.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_is_only_html_stays_so(jobs):
    page = EmailMessage("subject", "<p>html</p>", to=["a@example.com"])
    page.content_subtype = "html"
    page.send()
    assert jobs == [("deliver", "mailers")]
    assert (Letter.objects.get().html.strip(), Letter.objects.get().text) == ("<p>html</p>", "")


@pytest.mark.django_db(transaction=True)
def test_mails_sent_inside_a_job_are_delivered_by_it(jobs):
    tasks.mail_two.enqueue()
    assert jobs == [("mail_two", "default")]
    assert Letter.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_a_mail_says_is_not_logged(jobs, caplog):
    send_mail("subject", "the secret link", None, ["a@example.com"], html_message="<b>the secret link</b>")
    assert "deliver" in caplog.text
    assert "the secret link" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_job_keeps_no_database_connection_while_it_talks_to_the_server(office, monkeypatch):
    kept = []
    send = smtp.Server.send

    def noted(self, *arguments):
        kept.append(connection.connection)
        return send(self, *arguments)

    monkeypatch.setattr(smtp.Server, "send", noted)
    tasks.mail_two.enqueue()
    assert len(office.mails) == 2
    assert kept == [None, None]


# What goes out


def test_our_own_headers_stay_in_the_house(office):
    message = letter(cc=["c@example.com"], bcc=["b@example.com"], headers={"X-One": "1", mail.USER_HEADER: "7"})
    message.extra_headers[mail.PRIVATE_HEADER] = "1"
    message.send(using="delivery")
    (envelope,) = office.mails
    assert envelope.rcpt_tos == ["a@example.com", "c@example.com", "b@example.com"]
    assert b"X-One: 1" in envelope.content
    assert b"X-Kickstand" not in envelope.content
    assert message.extra_headers == {"X-One": "1", mail.USER_HEADER: "7", mail.PRIVATE_HEADER: "1"}


def test_each_address_is_named_to_the_server_once(office):
    letter(to=["A <a@example.com>", "b@bücher.example"], cc=["a@example.com"]).send(using="delivery")
    assert office.mails[0].rcpt_tos == ["a@example.com", "b@xn--bcher-kva.example"]


def test_one_message_sent_to_many_in_turn_is_many_mails(office):
    message = letter()
    with attempt():
        for name in "abc":
            message.to = [f"{name}@example.com"]
            message.send()
    assert [envelope.rcpt_tos for envelope in office.mails] == [[f"{name}@example.com"] for name in "abc"]
    assert [header(envelope, "Message-ID") for envelope in office.mails] == [
        "<j@example.com>",
        "<j.2@example.com>",
        "<j.3@example.com>",
    ]


@pytest.mark.parametrize(
    "sender, id, expected",
    [
        ("Us <us@photos.example.com>", "1-2", "<1-2@photos.example.com>"),
        ("us@bücher.example", "1-2", "<1-2@xn--bcher-kva.example>"),
        ("webmaster", "1-2", "<1-2@localhost>"),
        ("us@example.com", "a b<c>\nd", "<a-b-c--d@example.com>"),
    ],
)
def test_a_message_id_is_made_of_the_job_and_the_sender(office, monkeypatch, sender, id, expected):
    """And of nothing that another attempt, on another machine, would not know."""
    monkeypatch.setattr("socket.getfqdn", lambda *_: pytest.fail("a name server was asked"))
    with attempt(id):
        EmailMessage("subject", "text", sender, ["a@example.com"]).send()
    assert header(office.mails[0], "Message-ID") == expected


@pytest.mark.parametrize("name", ["Message-ID", "message-id"])
def test_a_message_id_of_the_author_wins(office, name):
    with attempt():
        letter(headers={name: "<mine@example.com>"}).send()
    assert header(office.mails[0], "Message-ID") == "<mine@example.com>"


# Once for each mail, however often the job runs


def test_a_rerun_sends_nothing_again(office, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(2):
        with attempt():
            assert [letter(1).send(), letter(2).send()] == [1, 1]
    assert [header(envelope, "Message-ID") for envelope in office.mails] == ["<j@example.com>", "<j.2@example.com>"]
    assert "mail j was sent before" in caplog.text
    assert "mail j.2 was sent before" in caplog.text


def test_a_mail_that_is_sent_again_has_the_same_message_id(office, monkeypatch):
    """As when a worker dies between the server's 250 and the note of it."""

    class Died(BaseException):
        pass

    def die(*_):
        raise Died

    monkeypatch.setattr(sent.Mail, "note", die)
    for _ in range(2):
        with attempt(), pytest.raises(Died):
            letter().send()
    assert [header(envelope, "Message-ID") for envelope in office.mails] == ["<j@example.com>"] * 2


def test_a_rerun_sends_to_those_alone_who_were_refused(office):
    office.answers = {"b@example.com": "450 busy", "c@example.com": "550 who?"}
    everybody = ["a@example.com", "b@example.com", "c@example.com"]
    with attempt(), pytest.raises(Undelivered, match="b@example.com: 450 busy; c@example.com: 550 who?"):
        letter(to=everybody).send()
    del office.answers["b@example.com"]
    with attempt(), pytest.raises(Hopeless, match="refused c@example.com: 550 who?"):
        letter(to=everybody).send()
    office.answers = {}
    with attempt():
        letter(to=everybody).send()
    assert [envelope.rcpt_tos for envelope in office.mails] == [[address] for address in everybody]
    assert len({header(envelope, "Message-ID") for envelope in office.mails}) == 1


def test_a_mail_that_is_refused_for_good_does_not_hold_up_the_others(office):
    office.answers = {"b@example.com": "550 who?", "d@example.com": "550 who is that?"}
    with attempt(), pytest.raises(Hopeless, match="(?s)b@example.com: 550 who?.*d@example.com: 550 who is that?"):
        mailers.default.send_messages([letter(to=[f"{name}@example.com"]) for name in "abcde"])
    assert [envelope.rcpt_tos for envelope in office.mails] == [[f"{name}@example.com"] for name in "ace"]


@pytest.mark.parametrize(
    "message",
    [
        letter(headers={"X-One": "1\nBcc: everybody@example.com"}),
        EmailMessage("two\nlines", "text", "us@example.com", ["a@example.com"]),
        letter(to=["a@example.com\nb@example.com"]),
        letter(to=["no address at all <"]),
        EmailMessage("subject", "text", "us@example.com, them@example.com", ["a@example.com"]),
    ],
    ids=["header", "subject", "recipient", "no address", "two senders"],
)
def test_what_cannot_be_a_mail_is_hopeless(office, message):
    with attempt(), pytest.raises(Hopeless, match="this cannot be a mail: "):
        message.send()
    assert office.mails == []


@pytest.mark.django_db(transaction=True)
def test_a_retry_in_threads_sends_again_only_what_was_not_sent(office, settings, monkeypatch):
    settings.TASKS = {"default": settings.TASKS["default"] | {"BACKEND": "worker.backend.ThreadBackend"}}
    monkeypatch.setattr(retries, "delay", lambda attempt: 0)
    replies = iter(["250 taken", "451 later"])
    office.answers = {"DATA": lambda: next(replies, "250 taken")}
    tasks.mail_two.enqueue()
    until(lambda: len(office.mails) == 2, "the second mail")
    assert [header(envelope, "Subject") for envelope in office.mails] == ["mail 1", "mail 2"]


# The inbox


@pytest.mark.django_db(transaction=True)
def test_a_rerun_delivers_no_letter_again():
    for count in (2, 0):
        with attempt():
            assert [letter(1).send(), letter(2).send()] == [1, 1]
        assert Letter.objects.all().delete()[0] == count


@pytest.mark.django_db(transaction=True)
def test_a_letter_that_was_rolled_back_was_not_delivered():
    with attempt(), transaction.atomic():
        letter().send()
        transaction.set_rollback(True)
    with attempt():
        letter().send()
    assert Letter.objects.get().message_id == "<j@example.com>"
