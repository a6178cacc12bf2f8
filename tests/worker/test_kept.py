"""Sessions between two mails: kept, closed in time, and nobody else's."""

import os
import subprocess
import sys
import threading
import time

import pytest

from tests.servers import ROOT, until
from tests.worker.rogue import Rogue
from worker import kept
from worker.kept import Kept
from worker.session import Session

MAIL = b"id: 1\r\n\r\ntext\r\n"


@pytest.fixture
def server():
    server = Rogue()
    yield server
    server.stop()


@pytest.fixture
def pool():
    pool = Kept()
    yield pool
    pool.close()


def ready(server):
    session = Session("127.0.0.1", server.port, "us.test", timeout=10)
    session.ehlo()
    return session


def send(session):
    session.offer("us@example.com", ["a@x.test"], len(MAIL))
    return session.hand_over(MAIL)


def test_the_one_that_was_used_last_is_taken_first(server, pool):
    first, second = ready(server), ready(server)
    pool.keep(first)
    pool.keep(second)
    assert [pool.take(), pool.take(), pool.take()] == [second, first, None]


def test_one_whose_server_has_hung_up_is_not_taken(server, pool):
    first, second = ready(server), ready(server)
    pool.keep(first)
    pool.keep(second)
    server.talks[1].cut()
    until(lambda: not second.is_silent(), "the end of the connection")
    assert pool.take() is first
    assert second.sock is None


def test_one_that_nobody_uses_is_closed_in_time_and_politely(server, pool, monkeypatch):
    monkeypatch.setattr(kept, "IDLE", 0.5)
    session = ready(server)
    began = time.monotonic()
    pool.keep(session)
    until(lambda: server.told == [["EHLO", "QUIT"]], "the goodbye")
    assert time.monotonic() - began >= 0.5
    until(lambda: session.sock is None, "the end")
    assert pool.take() is None

    pool.keep(ready(server))  # the thread that looks for them sleeps meanwhile, and is not gone
    until(lambda: server.told[1:] == [["EHLO", "QUIT"]], "the second goodbye")
    assert [each.name for each in threading.enumerate()].count("smtp-idle") >= 1


def test_servers_that_do_not_answer_a_goodbye_hold_up_nobody(pool, monkeypatch):
    monkeypatch.setattr(kept, "GOODBYE", 0.5)
    answered = threading.Event()
    server = Rogue(lambda talk, verb, line: answered.wait(60) and None if verb == "QUIT" else None)
    for session in [ready(server) for _ in range(25)]:
        pool.keep(session)
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 10
    until(lambda: all(talk.told[-1] == "QUIT" for talk in server.talks), "25 goodbyes")
    answered.set()
    server.stop()


@pytest.mark.filterwarnings("ignore:.*use of fork")
def test_a_child_leaves_the_sessions_of_its_parent_alone(server, pool):
    session = ready(server)
    pool.keep(session)
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.take() is None and session.sock is None and not pool.lock.locked() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pool.take() is session
    assert send(session) == (250, b"taken")
    assert "QUIT" not in server.talks[0].told


TWO_MAILS = """
import sys
from worker.smtp import Server
server = Server("127.0.0.1", int(sys.argv[1]))
for _ in range(2):
    server.send("us@example.com", ["a@x.test"], b"id: 1\\r\\n", print)
"""


def test_a_process_that_ends_takes_leave(server):
    run = subprocess.run([sys.executable, "-c", TWO_MAILS, str(server.port)], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    mail = ["MAIL", "RCPT", "DATA", "CONTENT"]
    assert server.told == [["EHLO", *mail, *mail, "QUIT"]]


def test_where_no_thread_can_be_started_a_session_is_kept_all_the_same(server, pool, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    session = ready(server)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    pool.keep(session)
    assert pool.take() is session
