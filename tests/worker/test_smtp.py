"""What becomes of a mail by the replies of a real SMTP server."""

import logging
import socketserver
import ssl
import subprocess
import threading
import time
import traceback
from base64 import b64encode

import pytest

from tests.environment import need
from tests.servers import free_port
from tests.worker.post import HANG_UP, NEVER, PostOffice
from worker import smtp
from worker.job import Hopeless
from worker.smtp import Server, Undelivered

SENDER, ADDRESSES = "us@example.com", ["a@example.org", "b@example.org", "c@example.org"]
MAIL = b"From: us@example.com\r\nSubject: Hello\r\n\r\ntext\r\n"
PASSWORD = "sesame-17"


@pytest.fixture
def post():
    """A maker of SMTP servers, which are stopped when the test ends."""
    started = []

    def make(*arguments, **options):
        started.append(PostOffice(*arguments, **options))
        started[-1].start()
        return started[-1]

    yield make
    for each in started:
        each.stop()


@pytest.fixture
def office(post):
    return post()


def send(office, **options):
    """Send the mail; returns (whom it was taken for, what was raised)."""
    taken = []

    def note(addresses, answer):
        assert answer == "250 taken"
        taken.extend(addresses)

    try:
        Server("127.0.0.1", office.port, **options).send(SENDER, ADDRESSES, MAIL, note)
    except (Hopeless, Undelivered) as error:
        return taken, error
    return taken, None


@pytest.fixture
def said(caplog):
    """How loudly it was said: the levels of what was logged."""
    return lambda: [record.levelno for record in caplog.records if record.name == smtp.__name__]


def test_a_mail_is_taken_for_everybody(office):
    assert send(office) == (ADDRESSES, None)
    (envelope,) = office.mails
    assert (envelope.mail_from, envelope.rcpt_tos, envelope.content) == (SENDER, ADDRESSES, MAIL)


def test_we_introduce_ourselves_by_the_domain_of_the_sender(office, monkeypatch):
    monkeypatch.setattr("socket.getfqdn", lambda *_: pytest.fail("a name server was asked"))
    send(office)
    assert office.mails[0].name == "example.com"


REFUSALS = [
    ({"MAIL": "451 4.3.0 later"}, Undelivered, "refused the sender us@example.com: 451 4.3.0 later"),
    ({"MAIL": "553 5.7.1 not yours"}, Hopeless, "refused the sender us@example.com: 553 5.7.1 not yours"),
    ({"RCPT": "450 4.2.1 busy"}, Undelivered, "refused a@example.org: 450 4.2.1 busy; b@example.org: 450 4.2.1 busy"),
    ({"RCPT": "550 5.1.1 who?"}, Hopeless, "refused a@example.org: 550 5.1.1 who?; b@example.org: 550 5.1.1 who?"),
    (
        {"RCPT": "550 who?", "b@example.org": "450 busy"},
        Undelivered,
        "b@example.org: 450 busy; c@example.org: 550 who?",
    ),
    ({"b@example.org": "421 closing"}, Undelivered, "refused b@example.org: 421 closing"),
    ({"DATA": "452 4.3.1 disk full"}, Undelivered, "refused the mail: 452 4.3.1 disk full"),
    ({"DATA": "554 5.6.0 spam"}, Hopeless, "refused the mail: 554 5.6.0 spam"),
    ({"DATA": "421 closing"}, Undelivered, "refused the mail: 421 closing"),
    ({"DATA": HANG_UP}, Undelivered, "went away in the middle of a mail: Connection unexpectedly closed"),
]


@pytest.mark.parametrize("answers, kind, words", REFUSALS, ids=[str(answers) for answers, *_ in REFUSALS])
def test_the_reply_decides_what_becomes_of_a_mail(office, answers, kind, words):
    office.answers = answers
    taken, error = send(office)
    assert taken == office.mails == []
    assert type(error) is kind
    assert str(error).startswith(f"127.0.0.1:{office.port} ")
    assert words in str(error)


@pytest.mark.parametrize("answer, kind", [("550 who?", Hopeless), ("450 busy", Undelivered)])
def test_what_some_are_refused_is_said_after_the_others_were_noted(office, answer, kind):
    office.answers = {"b@example.org": answer}
    taken, error = send(office)
    assert taken == office.mails[0].rcpt_tos == ["a@example.org", "c@example.org"]
    assert type(error) is kind
    assert str(error) == f"127.0.0.1:{office.port} refused b@example.org: {answer}"


def test_a_refusal_for_good_does_not_hide_one_for_now(office):
    office.answers = {"b@example.org": "550 who?", "c@example.org": "450 busy"}
    taken, error = send(office)
    assert taken == ["a@example.org"]
    assert type(error) is Undelivered
    assert str(error).endswith("refused b@example.org: 550 who?; c@example.org: 450 busy")


def test_a_server_that_does_not_answer_is_not_waited_for_forever(office, monkeypatch):
    monkeypatch.setattr(smtp, "PATIENCE", 0.3)
    office.answers = {"DATA": NEVER}
    taken, error = send(office, timeout=0.3)
    assert taken == []
    assert type(error) is Undelivered
    assert "timed out" in str(error)


def test_a_server_may_take_its_time_to_examine_a_mail(office):
    """Who hung up as soon as when connecting would send it again and again."""

    def examined():
        time.sleep(0.6)
        return "250 taken"

    office.answers = {"DATA": examined}
    assert send(office, timeout=0.2) == (ADDRESSES, None)


@pytest.mark.parametrize("answer", [NEVER, HANG_UP, "500 what?"])
def test_what_a_server_says_to_our_goodbye_does_not_matter(office, answer):
    office.answers = {"QUIT": answer}
    assert send(office, timeout=0.3) == (ADDRESSES, None)


def test_a_mail_is_noted_before_we_say_goodbye(office):
    """Between the server's 250 and the note nothing may be waited for: who dies there sends the mail again."""
    office.answers = {"QUIT": NEVER}
    noted = threading.Event()
    server = Server("127.0.0.1", office.port, timeout=600)
    arguments = (SENDER, ADDRESSES, MAIL, lambda *_: noted.set())
    threading.Thread(target=server.send, args=arguments, daemon=True).start()
    assert noted.wait(30)


# Before the mail: what is wrong is not about it, so it waits


def test_nobody_answers_there():
    port = free_port()
    with pytest.raises(Undelivered, match=f"127.0.0.1:{port} cannot be reached: .*Connection refused"):
        Server("127.0.0.1", port).send(SENDER, ADDRESSES, MAIL, pytest.fail)


def test_a_host_that_cannot_be_a_name_is_not_the_fault_of_the_mail():
    with pytest.raises(Undelivered, match="a..b:25 cannot be reached"):
        Server("a..b", 25).send(SENDER, ADDRESSES, MAIL, pytest.fail)


@pytest.fixture
def greeting():
    """A maker of servers that say one line and hang up."""
    servers = []

    def make(line):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(line)

        servers.append(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        servers[-1].port = servers[-1].server_address[1]
        return servers[-1]

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "line, words, loud",
    [
        (b"421 4.3.2 too busy\r\n", "is not ready: 421 4.3.2 too busy", False),
        (b"554 5.7.1 no service for you\r\n", "is not ready: 554 5.7.1 no service for you", True),
        (b"", "cannot be reached: Connection unexpectedly closed", False),
        (b"HTTP/1.1 400 Bad Request\r\n", "is not ready", False),
    ],
)
def test_a_greeting_that_is_none(greeting, said, line, words, loud):
    taken, error = send(greeting(line))
    assert (taken, type(error)) == ([], Undelivered)
    assert words in str(error)
    assert said() == [logging.ERROR] * loud


@pytest.mark.parametrize("answer, loud", [("421 closing", False), ("550 not from there", True)])
def test_a_server_that_does_not_want_to_know_us(office, said, answer, loud):
    office.answers = {"EHLO": answer}
    taken, error = send(office)
    assert (taken, type(error)) == ([], Undelivered)
    assert str(error).endswith(f"is not ready: {answer}")
    assert said() == [logging.ERROR] * loud


def test_a_login_that_is_right(post):
    office = post(login=(b"alice", PASSWORD.encode()))
    assert send(office, username="alice", password=PASSWORD) == (ADDRESSES, None)


@pytest.mark.parametrize("password", [PASSWORD, "sésame-17"])
def test_a_login_that_is_wrong_is_said_loudly_and_without_the_password(post, caplog, said, password):
    office = post(login=(b"alice", b"another"))
    taken, error = send(office, username="alice", password=password)
    assert (taken, type(error), office.mails) == ([], Undelivered, [])
    assert f"127.0.0.1:{office.port}" in str(error)
    assert "login of user 'alice'" in str(error)
    assert ("535" in str(error)) == password.isascii()
    assert said() == [logging.ERROR]
    assert f"SMTP_URL: {error}. " in caplog.text
    told = "".join(traceback.format_exception(error)) + caplog.text
    assert "same-17" not in told
    assert not variables_with(password, error)


def variables_with(text, error):
    """Local variables in the traceback, which an error tracker would send along, that give the text away."""
    given_away = text, b64encode(f"\0alice\0{text}".encode()).decode()
    found = [error.__traceback__, error.__cause__ and error.__cause__.__traceback__]
    variables = [item for each in found for frame, _ in traceback.walk_tb(each) for item in frame.f_locals.items()]
    return [name for name, value in variables if name != "options" and any(word in repr(value) for word in given_away)]


def test_a_server_that_wants_a_login_first_is_not_about_the_mail(office, caplog):
    office.answers = {"MAIL": "530 5.7.0 Authentication required"}
    taken, error = send(office)
    assert (taken, type(error)) == ([], Undelivered)
    assert "SMTP_URL" in caplog.text
    assert "530 5.7.0 Authentication required" in caplog.text


@pytest.mark.parametrize("options", [{"use_tls": True}, {"username": "alice", "password": PASSWORD}])
def test_a_server_that_cannot_do_what_smtp_url_says_is_said_loudly(office, said, options):
    taken, error = send(office, context=ssl.create_default_context(), **options)
    assert (taken, type(error), office.mails) == ([], Undelivered, [])
    assert "not supported by server" in str(error)
    assert said() == [logging.ERROR]


@pytest.fixture
def certificate(tmp_path):
    """(a server's context with a certificate for 127.0.0.1 that it signed itself, a context that trusts it)"""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        need(False, "openssl")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=cert)


def test_starttls_and_a_login(post, certificate):
    context, trusting = certificate
    office = post(login=(b"alice", PASSWORD.encode()), tls_context=context)
    options = {"use_tls": True, "username": "alice", "password": PASSWORD}
    assert send(office, context=trusting, **options) == (ADDRESSES, None)


def test_encryption_from_the_beginning(post, certificate):
    context, trusting = certificate
    office = post(ssl_context=context)
    assert send(office, use_ssl=True, context=trusting) == (ADDRESSES, None)
    assert office.mails[0].name == "example.com"


def test_a_certificate_that_nobody_vouches_for_is_said_loudly(post, certificate, caplog):
    office = post(tls_context=certificate[0])
    taken, error = send(office, use_tls=True, context=ssl.create_default_context())
    assert (taken, type(error), office.mails) == ([], Undelivered, [])
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert "SMTP_URL" in caplog.text
