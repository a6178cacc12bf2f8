"""A mail whose worker is killed is not sent again; where nobody can know that it was, it has the same Message-ID."""

import json
import signal
from email import message_from_bytes, policy

import pytest
from django.core.mail import EmailMultiAlternatives

from tests.servers import until
from tests.worker.post import PostOffice
from worker import client, keys, parcel


@pytest.fixture
def office():
    office = PostOffice()
    office.start()
    yield office
    office.stop()


def push(crew, task, *args):
    id, message = client.message(task, args, queue="mailers")
    crew.redis.lpush("mailers", message)
    return id


def push_mail(crew, subject, *to):
    letter = EmailMultiAlternatives(subject, "text", "us@example.com", list(to))
    return push(crew, "worker.mail.deliver", parcel.pack(letter))


def mails(office):
    read = [message_from_bytes(envelope.content, policy=policy.default) for envelope in office.mails]
    return [(mail["Subject"], mail["Message-ID"]) for mail in read]


def test_kill_9_between_the_250_of_the_server_and_the_end_of_the_job(crew, office):
    options = {"tasks": "tests.chaos.mail_tasks", "SMTP_URL": f"smtp://127.0.0.1:{office.port}"}
    twice = push(crew, "tests.chaos.mail_tasks.mail_die_mail")
    once = push_mail(crew, "unheard", "bob@example.org")

    # It has heard the 250, and made its note.
    worker = crew.launch(1, **options)
    worker.wait(60)
    assert mails(office) == [("before", f"<{twice}@example.com>")]

    # It is killed before it hears the 250.
    office.on_mail = lambda envelope: worker.send_signal(signal.SIGKILL)
    worker = crew.launch(1, **options)
    worker.wait(60)
    unheard = ("unheard", f"<{once}@example.com>")
    assert mails(office)[1:] == [unheard]

    office.on_mail = lambda envelope: None
    crew.start(1, **options)
    until(lambda: not crew.redis.llen("mailers") and not crew.inflight() and len(office.mails) > 2, "the rest", 60)
    assert sorted(mails(office)[2:]) == [("after", f"<{twice}.2@example.com>"), unheard]
    until(lambda: f"mail {twice} was sent before" in crew.log(), "the line about the mail that was not sent again")


def test_the_reply_of_the_server_decides_where_a_job_goes(crew, office):
    office.answers = {"nobody@example.org": "550 5.1.1 who?", "busy@example.org": "450 4.2.1 later"}
    refused = push_mail(crew, "refused", "alice@example.org", "nobody@example.org")
    put_off = push_mail(crew, "put off", "busy@example.org")
    taken = push_mail(crew, "taken", "alice@example.org")
    crew.start(1, SMTP_URL=f"smtp://127.0.0.1:{office.port}")
    until(lambda: len(office.mails) == 2 and not crew.inflight(), "three jobs")
    assert mails(office) == [("refused", f"<{refused}@example.com>"), ("taken", f"<{taken}@example.com>")]
    assert crew.redis.zcard(keys.DEAD) == crew.redis.zcard(keys.RETRY) == 1
    failures = {id.decode(): json.loads(record) for id, record in crew.redis.hgetall(keys.ATTEMPTS).items()}
    server = f"127.0.0.1:{office.port}"
    assert {id: (each["error"], each["message"]) for id, each in failures.items()} == {
        refused: ("worker.job.Hopeless", f"{server} refused nobody@example.org: 550 5.1.1 who?"),
        put_off: ("worker.smtp.Undelivered", f"{server} refused busy@example.org: 450 4.2.1 later"),
    }

    # "Retry now" sends it to those alone who were refused.
    ((job, _),) = crew.redis.zrange(keys.DEAD, 0, -1, withscores=True)
    office.answers = {}
    crew.redis.zrem(keys.DEAD, job)
    crew.redis.zadd(keys.RETRY, {job: 0})
    until(lambda: len(office.mails) == 3, "the mail to who was refused")
    assert office.mails[-1].rcpt_tos == ["nobody@example.org"]


def test_a_worker_that_stops_takes_leave_of_the_server(crew, office):
    worker = crew.start(3, SMTP_URL=f"smtp://127.0.0.1:{office.port}")
    for number in range(30):
        push_mail(crew, f"mail {number}", "alice@example.org")
    until(lambda: len(office.mails) == 30, "30 mails")
    clients = {envelope.peer for envelope in office.mails}
    assert len(clients) < 30
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    until(lambda: set(office.goodbyes) == clients, "every goodbye")
