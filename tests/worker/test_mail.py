import json
from email.message import MIMEPart

import pytest
from aiosmtpd.controller import Controller
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from django.db import connection

from tests.servers import free_port
from tests.worker import tasks
from web import settings as project
from web.letters.models import Letter
from worker import backend, mail


@pytest.fixture(autouse=True)
def real_mailers(settings):
    """Not the in-memory ones that Django puts in their place during tests."""
    settings.MAILERS = project.MAILERS


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


def message():
    message = EmailMultiAlternatives(
        "Grüße", "text", "a@example.com", ["b@example.com"], bcc=["bcc@example.com"], cc=["cc@example.com"],
        reply_to=["r@example.com"], headers={"X-One": "1"},
    )  # fmt: skip
    message.attach_alternative("<b>html</b>", "text/html")
    message.attach("a.txt", "plain", "text/plain")
    message.attach("b.bin", b"\x00\xff", "application/octet-stream")
    part = MIMEPart()
    part.set_content(b"part", "image", "png", filename="c.png", cid="<c>")
    message.attach(part)
    return message


def test_a_mail_is_the_same_after_the_queue():
    before = message()
    after = mail.unpacked(json.loads(json.dumps(mail.packed(before))))
    fixed = {"Message-ID": "<1@test>", "Date": "Sun, 22 Nov 2026 10:00:00 -0000"}
    before.extra_headers |= fixed
    after.extra_headers |= fixed
    strip = [line for line in before.message().as_string().splitlines() if "===============" not in line]
    assert [line for line in after.message().as_string().splitlines() if "===============" not in line] == strip
    assert after.recipients() == before.recipients() == ["b@example.com", "cc@example.com", "bcc@example.com"]


@pytest.mark.django_db(transaction=True)
def test_a_mail_sent_outside_a_job_becomes_one_job(jobs):
    assert send_mail("subject", "text", None, ["a@example.com"]) == 1
    assert jobs == [("deliver", "mailers")]
    assert Letter.objects.get().subject == "subject"


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_is_only_html_stays_so(jobs):
    letter = EmailMessage("subject", "<p>html</p>", to=["a@example.com"])
    letter.content_subtype = "html"
    letter.send()
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


@pytest.fixture
def smtp_server():
    """A real SMTP server; `.received` holds the envelopes."""
    received = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            received.append(envelope)
            return "250 taken"

    controller = Controller(Handler(), hostname="127.0.0.1", port=free_port())
    controller.start()
    controller.received = received
    yield controller
    controller.stop()


@pytest.mark.django_db(transaction=True)
def test_a_job_keeps_no_database_connection_while_it_talks_to_the_server(smtp_server, settings, monkeypatch):
    settings.MAILERS |= {
        "delivery": {"BACKEND": "worker.mail.SmtpMailer", "OPTIONS": {"host": "127.0.0.1", "port": smtp_server.port}}
    }
    kept = []
    deliver = mail.smtp.EmailBackend.send_messages

    def noted(self, messages):
        kept.append(connection.connection)
        return deliver(self, messages)

    monkeypatch.setattr(mail.smtp.EmailBackend, "send_messages", noted)
    tasks.mail_two.enqueue()
    assert len(smtp_server.received) == 2
    assert kept == [None, None]


def test_smtp_delivers_without_our_own_headers(smtp_server, settings):
    settings.MAILERS = {
        "delivery": {"BACKEND": "worker.mail.SmtpMailer", "OPTIONS": {"host": "127.0.0.1", "port": smtp_server.port}}
    }
    letter = message()
    letter.extra_headers |= {mail.USER_HEADER: "7", mail.PRIVATE_HEADER: "1"}
    letter.send(using="delivery")
    (envelope,) = smtp_server.received
    assert envelope.rcpt_tos == ["b@example.com", "cc@example.com", "bcc@example.com"]
    assert b"Subject: =?utf-8?" in envelope.content
    assert b"X-One: 1" in envelope.content
    assert b"X-Kickstand" not in envelope.content
