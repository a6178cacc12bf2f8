"""What becomes of a mail by the replies of a real SMTP server."""

import logging
import random
import socketserver
import ssl
import subprocess
import threading
import time
import traceback
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.environment import need
from tests.servers import free_port
from tests.worker.post import HANG_UP, NEVER, PostOffice
from tests.worker.rogue import Gone, Rogue, id_of
from worker import kept, smtp
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


@pytest.fixture(params=[True, False], ids=["pipelining", "one by one"])
def office(post, request):
    return post(pipelining=request.param)


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
        time.sleep(1.5)
        return "250 taken"

    office.answers = {"DATA": examined}
    assert send(office, timeout=1) == (ADDRESSES, None)


@pytest.mark.parametrize("answer", [NEVER, HANG_UP, "500 what?"])
def test_what_a_server_says_to_our_goodbye_does_not_matter(office, answer):
    office.answers = {"QUIT": answer}
    assert send(office, timeout=1) == (ADDRESSES, None)


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
    assert (": 535" in str(error)) == password.isascii()
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
    server = Server("127.0.0.1", office.port, context=trusting, **options)
    for _ in range(3):
        server.send(SENDER, ADDRESSES, MAIL, lambda *_: None)
    assert len(office.mails) == 3
    assert len({envelope.peer for envelope in office.mails}) == 1
    server.kept.close()


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


# One session for many mails


@pytest.fixture
def rogue(monkeypatch):
    """A maker of (a server that misbehaves, the way to it)."""
    monkeypatch.setattr(kept, "IDLE", 600)  # however slow it is here
    made = []

    def make(*arguments, **options):
        office = Rogue(*arguments, **options)
        made.append((office, Server("127.0.0.1", office.port, timeout=10)))
        return made[-1]

    yield make
    for office, server in made:
        server.kept.close()
        office.stop()


def mail(id):
    return f"Subject: Hello\r\n\r\nid: {id}\r\n".encode()


def deliver(server, *ids, sender=SENDER):
    for id in ids:
        server.send(sender, ["a@x.test", "b@x.test"], mail(id), lambda *_: None)


def second_mail(verb, answer):
    """Answers so to a command of the second mail of each connection, to the second RCPT."""

    def behave(talk, name, line):
        if talk.mails == 1 and name == verb and (verb != "RCPT" or b"b@" in line):
            if isinstance(answer, Gone):
                raise answer
            return answer
        return None

    return behave


ENDS = [
    b"421 closing\r\n",
    Gone(b"421 closing\r\n"),
    Gone(),
    Gone(reset=True),
    Gone(b"2"),
    Gone(b"250-so\r\n"),
    b"so?\r\n",
]
BEFORE_IT_HAD_THE_MAIL = [(verb, end) for verb in ("MAIL", "RCPT", "DATA") for end in ENDS]
BEFORE_IT_HAD_THE_MAIL += [("MAIL", b"451 4.7.0 too many messages\r\n"), ("MAIL", b"450 enough\r\n")]


@pytest.mark.parametrize("features", [["PIPELINING"], ["8BITMIME"]], ids=["pipelining", "one by one"])
@pytest.mark.parametrize("verb, end", BEFORE_IT_HAD_THE_MAIL, ids=map(str, range(len(BEFORE_IT_HAD_THE_MAIL))))
def test_a_session_that_ends_before_the_server_could_have_the_mail_is_replaced_at_once(rogue, features, verb, end):
    office, server = rogue(second_mail(verb, end), lambda talk: features)
    deliver(server, 1, 2, 3)
    assert office.taken == {"1": 1, "2": 1, "3": 1}
    assert [talk.mails for talk in office.talks] == [1, 1, 1]


@pytest.mark.parametrize("last", [b"", b"421 too long idle\r\n", b"42"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_session_that_ends_between_two_mails_is_replaced_at_once(rogue, last, reset):
    office, server = rogue()
    deliver(server, 1)
    office.talks[0].hang_up(Gone(last, reset))
    office.talks[0].cut()
    deliver(server, 2)
    assert office.taken == {"1": 1, "2": 1}


@pytest.mark.parametrize("end", [b"421 closing\r\n", Gone(), Gone(reset=True)])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_new_session_that_ends_is_an_attempt(rogue, verb, end):
    def behave(talk, name, line):
        if name == verb and isinstance(end, Gone):
            raise end
        return end if name == verb else None

    office, server = rogue(behave)
    with pytest.raises(Undelivered):
        deliver(server, 1)
    assert (len(office.talks), office.taken) == (1, {})


def test_the_session_that_replaces_one_is_replaced_by_none(rogue):
    office, server = rogue(lambda talk, verb, line: b"421 no\r\n" if office.taken and verb == "MAIL" else None)
    deliver(server, 1)
    with pytest.raises(Undelivered, match="421 no"):
        deliver(server, 2)
    assert len(office.talks) == 2


@pytest.mark.parametrize("end", [Gone(), Gone(b"250 tak"), Gone(b"421"), Gone(reset=True), b"done\r\n"])
def test_a_mail_that_the_server_perhaps_has_is_not_sent_again_at_once(rogue, end):
    office, server = rogue(second_mail("CONTENT", end))
    deliver(server, 1)
    with pytest.raises(Undelivered, match="went away in the middle"):
        deliver(server, 2)
    assert len(office.talks) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"MAIL": b"550 not yours\r\n", "RCPT": b"503 what?\r\n", "DATA": b"503 what?\r\n"},
        {"RCPT": b"550 who?\r\n", "DATA": b"554 to whom?\r\n"},
        {"DATA": b"554 no\r\n"},
        {"CONTENT": b"554 spam\r\n"},
    ],
    ids=lambda answers: next(iter(answers)),
)
def test_a_refusal_in_a_kept_session_is_about_the_mail_and_not_the_session(rogue, answers):
    office, server = rogue()
    deliver(server, 1)
    office.behave = lambda talk, verb, line: answers.get(verb)
    with pytest.raises(Hopeless):
        deliver(server, 2)
    office.behave = lambda *_: None
    deliver(server, 3)
    assert office.taken == {"1": 1, "3": 1}
    assert len(office.talks) == 1


def test_a_mail_to_nobody_does_not_hold_up_the_next(rogue):
    """The server waits for its content all the same (RFC 2920, 3.1)."""
    office, server = rogue(lambda talk, verb, line: b"550 who?\r\n" if b"nobody" in line else None)
    deliver(server, 1)
    with pytest.raises(Hopeless, match="refused nobody@x.test: 550 who?"):
        server.send(SENDER, ["nobody@x.test"], mail(2), pytest.fail)
    deliver(server, 3)
    (talk,) = office.talks
    assert talk.told[6:] == ["MAIL", "RCPT", "DATA", "CONTENT", "RSET", "MAIL", "RCPT", "RCPT", "DATA", "CONTENT"]
    assert office.taken == {"1": 1, "none": 1, "3": 1}


def test_a_server_that_offers_something_else_the_next_time_gets_that(rogue):
    office, server = rogue(
        second_mail("MAIL", Gone()), lambda talk: [["PIPELINING"], ["SIZE 9"], ["HELP"]][talk.number - 1]
    )
    deliver(server, 1, 2, 3)
    assert office.taken == {"1": 1, "2": 1, "3": 1}
    assert [max(talk.turns) for talk in office.talks] == [4, 1, 1]


def test_a_server_that_forgets_logins_is_not_sent_mail_without_one(rogue, said):
    office, server = rogue(second_mail("MAIL", Gone()), lambda talk: ["AUTH PLAIN"] if talk.number == 1 else ["HELP"])
    server.username, server.password = "alice", PASSWORD
    deliver(server, 1)
    with pytest.raises(Undelivered, match="AUTH extension not supported"):
        deliver(server, 2)
    assert office.taken == {"1": 1}
    assert said() == [logging.ERROR]


def test_a_session_carries_so_many_mails_and_no_more(rogue, monkeypatch):
    monkeypatch.setattr(smtp, "MOST", 3)
    office, server = rogue()
    deliver(server, *range(7))
    assert [talk.mails for talk in office.talks] == [3, 3, 1]
    assert [talk.told[-1] for talk in office.talks] == ["QUIT", "QUIT", "CONTENT"]


def test_a_mail_that_is_interrupted_leaves_no_half_session(rogue):
    class Interrupted(BaseException):
        pass

    def interrupt(*_):
        raise Interrupted

    office, server = rogue()
    deliver(server, 1)
    with pytest.raises(Interrupted):
        server.send(SENDER, ADDRESSES, mail(2), interrupt)
    assert not server.kept.sessions
    deliver(server, 3)
    assert len(office.talks) == 2


def test_threads_have_a_session_each_and_keep_it(rogue):
    office, server = rogue()
    with ThreadPoolExecutor(25) as threads:
        list(threads.map(lambda id: deliver(server, id), range(500)))
    assert office.taken == {str(id): 1 for id in range(500)}
    assert len(office.talks) <= 25


class Trouble:
    """A server with many troubles, by chance; `unheard` are the mails that it took without saying so."""

    ENDS = [
        b"421 closing\r\n",
        b"nonsense\r\n",
        Gone(),
        Gone(reset=True),
        Gone(b"421 closing\r\n"),
        Gone(b"25"),
        Gone(b"250-"),
    ]

    def __init__(self, seed):
        self.chance, self.unheard = random.Random(seed), Counter()

    def features(self, talk):
        return self.chance.choice([["PIPELINING", "SIZE"], ["PIPELINING"], ["SIZE"], ["HELP"]])

    def behave(self, talk, verb, line):
        dice = self.chance.random()
        if verb == "CONTENT":
            return self.content(talk, line, dice)
        if dice < 0.04:
            return self.end()
        if dice < 0.08 and verb in ("MAIL", "RCPT", "DATA"):
            return b"451 later\r\n"
        return None

    def content(self, talk, line, dice):
        if dice < 0.05:  # it does not take it
            return self.end()
        if dice < 0.08:
            return b"451 later\r\n"
        if dice < 0.13:  # it takes it, and hangs up before it has said so
            talk.take(line)
            self.unheard[id_of(line)] += 1
            raise Gone(self.chance.choice([b"", b"2", b"250 tak", b"250-taken\r\n"]), self.chance.random() < 0.5)
        if dice < 0.2:  # it takes it and says so, and hangs up
            talk.take(line)
            raise Gone(b"250 taken\r\n" + self.chance.choice([b"", b"421 and closing\r\n", b"4"]))
        return None

    def end(self):
        end = self.chance.choice(self.ENDS)
        if isinstance(end, Gone):
            raise Gone(end.last, end.reset)
        return end


@pytest.mark.parametrize("seed", range(4))
def test_no_mail_is_lost_and_none_doubled_but_for_what_nobody_can_know(rogue, seed):
    trouble, noted = Trouble(seed), Counter()
    office, server = rogue(trouble.behave, trouble.features, pieces=seed % 2 * 5)

    def attempts(id):
        for attempt in range(100):
            try:
                server.send(SENDER, ["a@x.test"], mail(id), lambda *_: noted.update([id]))
                return attempt
            except Undelivered:
                pass
        return pytest.fail(f"mail {id} was not delivered in 100 attempts")

    with ThreadPoolExecutor(25) as threads:
        tried = sum(threads.map(attempts, map(str, range(300))))
    for found in (office.taken, trouble.unheard):
        found.pop("none", None)  # the lone dot of a mail to nobody
    assert tried > 20
    assert noted == {str(id): 1 for id in range(300)}
    assert office.taken == noted + trouble.unheard
    assert len(office.talks) < sum(office.taken.values())
