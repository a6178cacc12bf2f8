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
from worker import client, config, job, keys, limits
from worker.connection import MOST, Scripts, connect
from worker.line import Direct

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


@pytest.mark.usefixtures("patient")
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
