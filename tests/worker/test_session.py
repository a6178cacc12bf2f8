"""How a mail is handed to servers that answer in odd ways, over real sockets."""

import smtplib
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, SMTPServerDisconnected

import pytest

from tests.worker.rogue import Gone, Rogue
from worker.session import GROUP, Session, groups

SENDER, ADDRESSES, MAIL = "us@example.com", ["a@x.test", "b@x.test", "c@x.test"], b"id: 1\r\n\r\ntext\r\n"
ENVELOPE = ["MAIL", "RCPT", "RCPT", "RCPT", "DATA"]


@pytest.fixture
def rogue():
    """A maker of servers."""
    started = []

    def make(*arguments, **options):
        started.append(Rogue(*arguments, **options))
        return started[-1]

    yield make
    for each in started:
        each.stop()


@pytest.fixture(params=[True, False], ids=["pipelining", "one by one"])
def features(request):
    return lambda talk: ["PIPELINING"] if request.param else ["8BITMIME"]


def ready(server):
    session = Session("127.0.0.1", server.port, "us.test", timeout=10)
    session.ehlo()
    return session


def send(session, addresses=ADDRESSES, content=MAIL):
    refused = session.offer(SENDER, addresses, len(content))
    return refused, session.hand_over(content)


def answers(**by_verb):
    """Answers to commands by verb; one to RCPT also by address, as `a`."""

    def behave(talk, verb, line):
        found = by_verb.get(line[9:10].decode() if verb == "RCPT" else verb, by_verb.get(verb))
        if isinstance(found, Gone):
            raise found
        return found

    return behave


def test_a_mail_takes_two_round_trips(rogue):
    """A server may keep its answers back until it has the whole group."""
    server = rogue()
    session = ready(server)
    for _ in range(2):
        assert send(session) == ({}, (250, b"taken"))
    (talk,) = server.talks
    assert talk.told == ["EHLO", *[*ENVELOPE, "CONTENT"] * 2]
    assert talk.turns == [1, 5, 0, 5, 0]
    assert session.mails == server.taken["1"] == 2


def test_a_server_that_has_not_said_that_it_takes_groups_gets_one_command_at_a_time(rogue):
    server = rogue(features=lambda talk: ["SIZE 1000"])
    send(ready(server))
    assert server.talks[0].turns == [1, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("pieces", [1, 7])
def test_answers_that_come_in_pieces(rogue, features, pieces):
    server = rogue(answers(b=b"550-no\r\n550 such\r\n", MAIL=b"250-well\r\n250-yes\r\n250 go on\r\n"), features, pieces)
    refused = {"b@x.test": (550, b"no\nsuch")}
    session = ready(server)
    assert [send(session), send(session)] == [(refused, (250, b"taken"))] * 2


def test_dots_and_line_ends(rogue):
    received = []
    server = rogue(lambda talk, verb, line: received.append(line) if verb == "CONTENT" else None)
    session = ready(server)
    for content in (b".\r\n..\r\nx.\r\n.y", b"", b"\r\n", b"x\r\n.\r\n"):
        send(session, content=content)
    assert received == [b"..\r\n...\r\nx.\r\n..y", b"", b"", b"x\r\n.."]


def test_the_size_is_told_to_who_asks(rogue):
    lines = []
    server = rogue(lambda talk, verb, line: lines.append(line) if verb == "MAIL" else None, lambda talk: ["SIZE"])
    send(ready(server))
    assert lines == [b"mail from:<us@example.com> size=%d" % len(MAIL)]


def test_a_group_fits_into_the_window_of_tcp():
    commands = [f"rcpt to:<somebody.{number}@example.com>" for number in range(1000)]
    found = list(groups(commands, GROUP))
    assert ["".join(group) for group in found if len("".join(group)) > GROUP] == []
    assert "".join(map("".join, found)) == "".join(f"{command}\r\n" for command in commands)
    assert len(found) < 15


def test_a_thousand_recipients(rogue, features):
    server = rogue(features=features)
    everybody = [f"somebody.{number}@example.com" for number in range(1000)]
    assert send(ready(server), everybody) == ({}, (250, b"taken"))
    assert server.talks[0].told.count("RCPT") == 1000


def test_nothing_is_smuggled_into_a_command(rogue):
    server = rogue()
    session = ready(server)
    with pytest.raises(ValueError, match="not one line"):
        session.offer(SENDER, ["a@x.test>\r\nrcpt to:<b@x.test"], 1)
    assert server.told == [["EHLO"]]


# Refusals

REFUSALS = [
    ({"MAIL": b"450 later\r\n"}, SMTPSenderRefused),
    ({"MAIL": b"550 no\r\n", "RCPT": b"503 no\r\n", "DATA": b"503 no\r\n"}, SMTPSenderRefused),
    ({"RCPT": b"550 no\r\n", "DATA": b"554 nobody\r\n"}, SMTPRecipientsRefused),
    ({"DATA": b"451 full\r\n"}, SMTPDataError),
    ({"DATA": b"250 what?\r\n"}, SMTPDataError),
    ({"CONTENT": b"554 spam\r\n"}, SMTPDataError),
    # And then it hangs up: what it said holds.
    ({"MAIL": Gone(b"550 no\r\n")}, SMTPSenderRefused),
    ({"MAIL": b"550 no\r\n", "a": Gone()}, SMTPSenderRefused),
    ({"RCPT": b"550 no\r\n", "DATA": Gone()}, SMTPRecipientsRefused),
    ({"RCPT": b"550 no\r\n", "DATA": Gone(reset=True)}, SMTPRecipientsRefused),
    ({"MAIL": b"421 closing\r\n"}, SMTPSenderRefused),
    ({"b": b"421 closing\r\n"}, SMTPRecipientsRefused),
    ({"DATA": b"421 closing\r\n"}, SMTPDataError),
    # It has said nothing, or nothing that decides, or nothing that can be understood.
    ({"MAIL": Gone()}, SMTPServerDisconnected),
    ({"MAIL": Gone(b"550")}, SMTPServerDisconnected),
    ({"MAIL": Gone(b"550-no\r\n")}, SMTPServerDisconnected),
    ({"MAIL": b"no\r\n"}, SMTPServerDisconnected),
    ({"MAIL": b"\r\n"}, SMTPServerDisconnected),
    ({"MAIL": b"999 what\r\n"}, SMTPServerDisconnected),
    ({"b": Gone(b"25")}, SMTPServerDisconnected),
    ({"DATA": Gone(b"354 go")}, SMTPServerDisconnected),
    ({"DATA": b"x" * 10_000 + b"\r\n"}, SMTPServerDisconnected),
    ({"CONTENT": Gone(b"250 tak")}, SMTPServerDisconnected),
    ({"CONTENT": Gone(b"250-taken\r\n")}, SMTPServerDisconnected),
    ({"CONTENT": b"fine\r\n"}, SMTPServerDisconnected),
]


@pytest.mark.parametrize("by_verb, error", REFUSALS, ids=[str(number) for number in range(len(REFUSALS))])
def test_what_a_refusal_is(rogue, features, by_verb, error):
    session = ready(rogue(answers(**by_verb), features))
    with pytest.raises(smtplib.SMTPException) as raised:
        send(session)
    assert type(raised.value) is error
    last_words = error is SMTPServerDisconnected or any(b"421" in str(each).encode() for each in by_verb.values())
    assert (session.sock is None) >= last_words
    assert session.mails == 0


def test_who_was_refused_is_told_though_the_others_were_not(rogue, features):
    session = ready(rogue(answers(a=b"550 no\r\n", c=b"450 later\r\n"), features))
    assert send(session)[0] == {"a@x.test": (550, b"no"), "c@x.test": (450, b"later")}
    session.close()


def test_a_server_that_waits_for_the_content_of_a_mail_to_nobody(rogue, features):
    """RFC 2920, 3.1: it gets a lone dot, and what it says to that is of no interest."""
    server = rogue(answers(RCPT=b"550 no\r\n"))
    session = ready(server)
    with pytest.raises(SMTPRecipientsRefused):
        send(session)
    assert server.told == [["EHLO", *ENVELOPE, "CONTENT"]]
    assert not session.clean
    server.behave = answers()
    session.reset(10)
    assert session.clean
    assert send(session) == ({}, (250, b"taken"))
    assert server.taken == {"none": 1, "1": 1}


def test_a_server_that_waits_for_the_content_of_a_mail_of_nobody_gets_none(rogue):
    server = rogue(answers(MAIL=b"550 no\r\n"))
    session = ready(server)
    with pytest.raises(SMTPSenderRefused):
        send(session)
    assert session.sock is None
    assert not server.taken


# Between two mails


@pytest.mark.parametrize("said", [b"421 too long idle\r\n", b"250 what?\r\n", b"4"])
def test_a_server_that_says_something_unasked_is_heard(rogue, said):
    server = rogue(lambda talk, verb, line: b"250 taken\r\n" + said if verb == "CONTENT" else None)
    session = ready(server)
    assert session.is_silent()
    send(session)
    assert not session.is_silent()


@pytest.mark.parametrize("answer", [b"550 no\r\n", Gone(), Gone(b"25"), b"?\r\n"])
def test_a_server_that_does_not_reset_is_left(rogue, answer):
    session = ready(rogue(answers(RSET=answer, DATA=b"451 full\r\n")))
    with pytest.raises(SMTPDataError):
        send(session)
    session.reset(10)
    assert session.sock is None
    assert not session.is_silent()
