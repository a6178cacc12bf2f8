import signal
from contextlib import suppress

import pytest
import redis as redis_py

from tests.servers import until
from tests.web.races import at_once
from worker import client, keys
from worker.connection import source
from worker.line import Direct, Line

pytestmark = pytest.mark.usefixtures("no_outbox")


def answered(direct, *commands):
    with suppress(redis_py.TimeoutError):
        return direct.send(commands)


class TestDirect:
    def test_notices_that_redis_has_hung_up_meanwhile(self, redis, monkeypatch):
        monkeypatch.setattr(Direct, "STALE", 0)
        direct = Direct(client.connection())
        for _ in range(3):
            assert direct.send([("PING",)]) == [b"PONG"]
            redis.client_kill_filter(_type="normal", skipme=True)

    def test_hears_answers_alone(self, redis):
        """With protocol 3 Redis may say other things in between, such as that a key has changed."""
        direct = Direct(client.connection())
        direct.command("HELLO", 3)
        direct.command("CLIENT", "TRACKING", "ON")
        for number in range(3):
            direct.command("GET", "watched")
            redis.set("watched", number)
            assert direct.send([("PING",), ("GET", "watched")]) == [b"PONG", str(number).encode()]

    @pytest.mark.parametrize("size", [1, 100_000])
    def test_says_so_when_redis_does_not_answer(self, server, size):
        direct = Direct(client.connection())
        direct.command("PING")
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(redis_py.TimeoutError):
            direct.send([("ECHO", "x" * size)] * 1000)
        server.process.send_signal(signal.SIGCONT)
        until(lambda: answered(direct, ("ECHO", "again")) == [b"again"], "an answer")

    def test_keeps_a_connection_that_was_idle(self, redis, monkeypatch):
        """To connect anew takes three round trips, and more with TLS."""
        monkeypatch.setattr(Direct, "STALE", 0)
        direct = Direct(client.connection())
        assert len({direct.send([("CLIENT", "ID")])[0] for _ in range(3)}) == 1

    def test_repeats_nothing_by_itself(self, redis):
        """Redis may have done what the lost answer was to; that is for who knows whether it may be done twice."""
        direct = Direct(client.connection())
        direct.send([("PING",)])
        redis.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(redis_py.ConnectionError):
            direct.send([("PING",)])
        assert direct.send([("PING",)]) == [b"PONG"]

    def test_never_takes_a_late_answer_for_that_of_the_next_command(self, server):
        direct = Direct(client.connection())
        direct.send([("PING",)])
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises(redis_py.TimeoutError):
            direct.send([("ECHO", "late")])
        server.process.send_signal(signal.SIGCONT)
        commands = ("ECHO", "one"), ("ECHO", "two")
        assert until(lambda: answered(direct, *commands), "answers") == [b"one", b"two"]

    def test_is_left_in_order_by_who_is_interrupted(self, redis, monkeypatch):
        """As a job is by its time limit, between a command and its answer."""
        direct = Direct(client.connection())
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Line, "answer", lambda line: (_ for _ in ()).throw(KeyboardInterrupt))
            direct.send([("ECHO", "lost")])
        assert direct.send([("ECHO", "next")]) == [b"next"]


class TestTold:
    """Commands whose answers nobody waits for."""

    @pytest.fixture
    def direct(self, redis):
        """One whose line has run `push` before."""
        direct = Direct(client.connection())
        tell(direct, "first", [].append)
        return direct

    def test_are_done_at_once_and_answered_when_they_are_asked_for(self, redis, direct):
        heard = []
        for what in "ab":
            tell(direct, what, heard.append)
        assert redis.lrange("default", 0, -1) == [b"b", b"a", b"first"]
        tell(direct, "a", heard.append)
        assert heard == []
        direct.settle()
        assert heard == [1, 1, 0]
        direct.settle()
        assert heard == [1, 1, 0]

    def test_are_done_before_what_is_asked_on_another_line(self, server, direct, monkeypatch):
        """As who looks after a commit expects it, when Redis has so much to do that both wait for it."""
        heard, size = [], Line.READ_AT_ONCE // 32 - 100  # it stands in the key as well
        monkeypatch.setattr(Direct, "STALE", 60)  # however long this takes
        other = redis_py.Redis(port=server.port).connection_pool.get_connection()
        direct.command("PING")  # or Redis may be about to look at the other one first
        server.process.send_signal(signal.SIGSTOP)
        for number in range(16):
            tell(direct, f"{number:{size}}", heard.append)
        other.send_command("LLEN", "default")
        server.process.send_signal(signal.SIGCONT)
        assert (other.read_response(), heard) == (17, [])
        other.disconnect()

    def test_are_waited_for_when_redis_does_not_read_them_at_once(self, direct, monkeypatch):
        """Or it would serve others before it has read the rest."""
        monkeypatch.setattr(Direct, "STALE", 60)
        heard, size, counts = [], Line.READ_AT_ONCE // 20, []
        for number in range(40):
            tell(direct, f"{number:{size}}", heard.append)
            counts.append(len(heard))
            assert number + 1 - len(heard) < 10
        assert len(set(counts)) == 5, "and only then"

    def test_are_answered_before_what_is_asked_next(self, direct):
        heard = []
        tell(direct, "a", lambda answer: heard.append(("a", answer)))
        heard.append(direct.send([("ECHO", "next"), ("ECHO", "one more")]))
        assert heard == [("a", 1), [b"next", b"one more"]]

    def test_hear_what_redis_says_against_them(self, redis, direct):
        heard = []
        redis.script_flush()
        tell(direct, "a", heard.append)
        direct.send([("SCRIPT", "LOAD", source("push"))])
        redis.delete("default")
        redis.set("default", "no list")
        tell(direct, "b", heard.append)
        direct.settle()
        assert [type(each) for each in heard] == [redis_py.exceptions.NoScriptError, redis_py.ResponseError]

    def test_hear_that_the_line_broke(self, redis, direct):
        heard = []
        tell(direct, "a", heard.append)
        redis.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(redis_py.ConnectionError):
            direct.settle()  # the answer may be there, and what is asked now is not
            direct.send([("PING",)])
        tell(direct, "b", heard.append)
        assert len(heard) == 2
        assert heard[1] == 1

    def test_hear_that_redis_hangs(self, server, direct):
        server.process.send_signal(signal.SIGSTOP)
        heard = []
        for what in "ab":
            tell(direct, what, heard.append)
        with pytest.raises(redis_py.TimeoutError):
            direct.settle()
        server.process.send_signal(signal.SIGCONT)
        assert [type(each) for each in heard] == [redis_py.ConnectionError] * 2

    def test_hold_up_nobody_else_by_a_redis_that_hangs(self, server):
        """Who waits for the line meanwhile does not begin to wait for Redis as well."""
        tell(client.scripts(), "first", [].append)
        server.process.send_signal(signal.SIGSTOP)
        tell(client.scripts(), "a", [].append)
        errors = at_once(*[lambda: error_of(client.settle), lambda: error_of(client.push, "tasks.add")] * 2)
        server.process.send_signal(signal.SIGCONT)
        told = [error for error in errors if not isinstance(error, redis_py.TimeoutError | None)]
        assert sum(isinstance(error, redis_py.TimeoutError) for error in errors) == 1
        assert told
        assert all("has not answered since" in str(error) for error in told)

    def test_hear_when_the_line_is_given_up(self, direct):
        heard = []
        tell(direct, "a", heard.append)
        direct.forget()
        assert [type(each) for each in heard] == [redis_py.ConnectionError]

    def test_leave_a_line_that_was_idle_as_it_is(self, direct, monkeypatch):
        monkeypatch.setattr(Direct, "STALE", 0)
        line, heard = direct.line, []
        for what in "abc":
            tell(direct, what, heard.append)
        assert direct.line is line
        assert heard == [1, 1], "who looks whether it is over reads what was said before"


def error_of(call, *args):
    try:
        call(*args)
    except redis_py.RedisError as error:
        return error
    return None


def tell(direct, what, hear):
    direct.tell("push", ["default", keys.dedupe(what)], [60, what], hear)
