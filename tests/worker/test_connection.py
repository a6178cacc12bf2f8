import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import redis as redis_py

from tests.chaos.proxy import Proxy
from tests.servers import until
from tests.tls import Terminator
from tests.web.races import at_once
from worker import client, config, job, keys, limits
from worker.connection import MOST, Direct, Line, Scripts, connect, source

pytestmark = pytest.mark.usefixtures("no_outbox")


def ids(redis):
    return [json.loads(job)["headers"]["id"] for job in reversed(redis.lrange("default", 0, -1))]


def pushes(redis):
    """How often Redis was told to run a script."""
    return redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]


class TestScripts:
    """A Redis that was restarted, or took over from another, knows no scripts."""

    def test_are_sent_again_when_redis_has_forgotten_them(self, redis):
        for number in range(3):
            redis.script_flush()
            client.push("tasks.add", id=f"single {number}")
        redis.script_flush()
        client.push_bulk("tasks.add", [[number] for number in range(1500)])
        assert ids(redis)[:3] == [f"single {number}" for number in range(3)]
        assert len(set(ids(redis))) == 1503

    def test_of_a_client_too(self, redis):
        scripts = Scripts(redis)
        for _ in range(2):
            redis.script_flush()
            assert scripts.promote([keys.SCHEDULE, keys.LEDGER], [1, 0]) == 0

    def test_raise_what_redis_says(self, redis):
        redis.set("default", "no list")
        with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
            Direct(redis).run("push", ["default", keys.dedupe("a")], [60, "job"])

    def test_of_a_replica_that_becomes_the_master(self, server):
        """A failover: writing is refused until the old replica is told that it is the master now."""
        redis = connect()
        redis.replicaof("127.0.0.1", server.port + 1 if server.port < 65535 else 1)
        with pytest.raises(redis_py.ReadOnlyError):
            client.push("tasks.add", id="first")
        redis.replicaof("NO", "ONE")
        until(lambda: pushed("second"), "a push that is taken", 10)
        assert ids(redis) == ["second"]


def pushed(id):
    with suppress(redis_py.RedisError):
        return client.push("tasks.add", id=id)


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
        assert direct.command("ECHO", "again") == b"again"

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
        assert direct.send([("ECHO", "one"), ("ECHO", "two")]) == [b"one", b"two"]

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


class TestLostAnswers:
    """A line that is cut within the request, before its answer, or within that."""

    @pytest.fixture
    def proxy(self, server, reach):
        proxy = Proxy(server.port)
        reach(proxy.url)
        yield proxy
        proxy.stop()

    def test_a_push_is_told_of_and_counts_once_when_it_is_repeated(self, server, proxy):
        lost = 0
        for number in range(30):
            id = f"job-{number}"
            proxy.cut(id.encode(), 1, 1)
            lost += pushed(id) is None
            client.breaker.cache_clear()  # not to wait each time until it has asked
            assert pushed(id)
        assert lost == proxy.cuts == 30
        assert ids(redis_py.Redis(port=server.port)) == [f"job-{number}" for number in range(30)]

    @pytest.mark.parametrize("how", ["direct", "client"])
    def test_no_client_sends_anything_a_second_time(self, server, proxy, how):
        beside = redis_py.Redis(port=server.port)
        scripts = client.scripts().run if how == "direct" else Scripts(connect())
        for attempt in range(10):
            proxy.cut(b"counted", 1, 1)
            before = pushes(beside)
            with suppress(redis_py.RedisError):
                if how == "direct":
                    scripts("promote", ["counted", keys.LEDGER], [1, 0])
                else:
                    scripts.promote(["counted", keys.LEDGER], [1, 0])
            assert pushes(beside) - before <= 1
            assert proxy.cuts == attempt + 1


class TestTls:
    """Managed Redis comes with certificates that nobody signed."""

    @pytest.fixture
    def encrypt(self, tmp_path, reach):
        """Have something speak TLS in front of Redis, and all that is enqueued here go there: `encrypt(port)`."""
        made = []

        def encrypt(port):
            made.append(Terminator(tmp_path, port))
            reach(made[-1].url)
            return made[-1]

        yield encrypt
        for each in made:
            each.stop()

    def test_every_client_speaks_it(self, encrypt, server):
        encrypted = encrypt(server.port)
        assert config.REDIS_URL.startswith("rediss://")
        client.push("tasks.add", id="a")
        client.push_bulk("tasks.add", [[1]] * 3)
        assert connect().llen("default") == 4
        assert encrypted.handshakes >= 2

    def test_a_redis_that_hangs_is_noticed_behind_it(self, encrypt, server):
        encrypt(server.port)
        client.push("tasks.add", id="a")
        server.process.send_signal(signal.SIGSTOP)
        with pytest.raises((redis_py.TimeoutError, redis_py.ConnectionError)):
            client.push("tasks.add", id="b")
        server.process.send_signal(signal.SIGCONT)
        until(lambda: pushed("b"), "a push that is taken", 10)
        assert ids(redis_py.Redis(port=server.port)) == ["a", "b"]

    def test_a_worker_runs_jobs_over_it(self, staff, encrypt):
        worker = staff.start(2, REDIS_URL=encrypt(staff.server.port).url)
        staff.push("echo", "encrypted")
        staff.hear("encrypted")
        program = (
            "from tests.worker.tasks import *\nfrom celery import chord\nchord([add.s(1, 2), add.s(3, 4)])(total.s())"
        )
        staff.script(program, REDIS_URL=config.REDIS_URL)  # what chords gather is kept by a client of Celery's own
        staff.hear("total 10")
        assert "rediss://" in worker.log()
        assert "ERROR" not in worker.log()


@pytest.mark.parametrize("how", ["direct", "client"])
def test_many_threads_share_two_connections(server, how):
    """A small plan of managed Redis has twenty for all processes together."""
    client_of_many = connect()
    direct = Direct(client_of_many)
    call = {"direct": lambda: direct.send([("PING",)]), "client": client_of_many.ping}[how]
    with ThreadPoolExecutor(25) as threads:
        assert len([each.result() for each in [threads.submit(call) for _ in range(500)]]) == 500
    beside = redis_py.Redis(port=server.port)
    assert len(beside.client_list()) - 1 <= MOST


def test_an_interrupted_job_leaves_no_other_waiting_for_ever(redis):
    """As those are that began together and have the same limit, in the middle of what they enqueue."""
    direct = Direct(client.connection())

    def push(running):
        token = job.current.set(running)
        with suppress(limits.SoftTimeLimit):
            try:
                limits.arm(running)
                while True:
                    direct.send([("PING",)])
            finally:
                limits.disarm(running)
        job.current.reset(token)

    def interrupt_all():
        jobs = [job.Running("pusher", str(number), "default") for number in range(25)]
        threads = [threading.Thread(target=push, args=(running,), daemon=True) for running in jobs]
        for thread in threads:
            thread.start()
        until(lambda: all(running.thread for running in jobs), "all to push")
        for running in jobs:
            limits.interrupt(running, limits.SoftTimeLimit)
        for thread in threads:
            thread.join(20)
        assert not [thread for thread in threads if thread.is_alive()]

    for _ in range(3):
        interrupt_all()
    assert direct.send([("PING",)]) == [b"PONG"]


def test_comes_back_after_an_outage_of_any_length(server):
    """redis-py's pool counts connections that could not be made, and makes no more after a hundred of them."""
    client.scripts().send([("PING",)])
    server.stop()
    for _ in range(150):
        with pytest.raises(redis_py.ConnectionError):
            client.scripts().send([("PING",)])
    server.start()
    assert client.scripts().send([("PING",)]) == [b"PONG"]


def test_a_worker_tells_of_an_outage_once(staff):
    worker = staff.start(2)

    def lines(text):
        return worker.log().count(text)

    staff.server.stop()
    until(lambda: lines("Redis is away"), "the outage in the log")
    time.sleep(2)  # in which it asks several times, and says nothing
    staff.server.start()
    until(lambda: lines("Redis is back after"), "its end in the log")
    staff.push("echo", "after")
    staff.hear("after")
    assert lines("Redis is away") == lines("Redis is back after") == 1
