import json
import os
import signal
import threading
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID, uuid4

import pytest
import redis as redis_py

from tests.servers import until
from worker import client, keys

HELD = 4  # seconds that a caller may be held at most: 0.6, and slack for a busy machine
INSTANT = 0.1

pytestmark = pytest.mark.usefixtures("no_outbox")


def waiting(redis, queue="default"):
    """The arguments of the jobs in a queue, the oldest first."""
    return [json.loads(b64decode(json.loads(job)["body"]))[:2] for job in reversed(redis.lrange(queue, 0, -1))]


def seconds(call):
    """(how long it took, the RedisError it raised or None)"""
    began = time.monotonic()
    try:
        call()
    except redis_py.RedisError as error:
        return time.monotonic() - began, error
    return time.monotonic() - began, None


class TestPush:
    def test_puts_the_job_into_its_queue_and_returns_its_id(self, redis):
        id = client.push("tasks.add", [1], {"word": "zwölf"}, queue="mailers")
        assert str(UUID(id)) == id
        (job,) = redis.lrange("mailers", 0, -1)
        assert json.loads(job)["headers"] | {"id": id, "task": "tasks.add"} == json.loads(job)["headers"]
        assert waiting(redis, "mailers") == [[[1], {"word": "zwölf"}]]

    def test_takes_an_id(self, redis):
        assert client.push("tasks.add", id="order-7 é") == "order-7 é"
        assert redis.exists(keys.dedupe("order-7 é"))

    @pytest.mark.parametrize("id", ['a"b', "a\\b", "a\nb", "\0"])
    def test_refuses_an_id_that_would_break_the_message(self, redis, id):
        with pytest.raises(ValueError, match="cannot be a job's id"):
            client.push("tasks.add", id=id)
        assert redis.dbsize() == 0

    @pytest.mark.parametrize(
        "argument",
        [object(), {1, 2}, b"bytes", datetime.now(), uuid4(), float("nan"), float("inf"), [{"deep": object()}]],
        ids=["object", "set", "bytes", "time", "uuid", "nan", "inf", "deep"],
    )
    @pytest.mark.parametrize("how", ["args", "kwargs", "bulk"])
    def test_refuses_what_json_cannot_hold(self, redis, argument, how):
        with pytest.raises((TypeError, ValueError)):
            if how == "args":
                client.push("tasks.add", [1, argument])
            elif how == "kwargs":
                client.push("tasks.add", kwargs={"word": argument})
            else:
                client.push_bulk("tasks.add", [[1], [argument]])
        assert redis.dbsize() == 0

    @pytest.mark.parametrize("argument", [{1: "one"}, {None: 1}, [{"deep": {True: 1}}]], ids=repr)
    def test_refuses_what_json_would_change(self, redis, argument):
        with pytest.raises((TypeError, ValueError)):
            client.push("tasks.add", [argument])
        assert redis.dbsize() == 0

    def test_counts_seconds_by_the_clock_of_redis(self, redis, monkeypatch):
        wrong = time.time() + 600
        monkeypatch.setattr(time, "time", lambda: wrong)
        client.push("tasks.add", seconds=60)
        ((job, due),) = redis.zrange(keys.SCHEDULE, 0, -1, withscores=True)
        assert job.startswith(b"default\n{")
        assert 55 < due - redis.time()[0] < 65

    def test_logs_the_job_with_its_secrets_masked(self, redis, caplog):
        with caplog.at_level("INFO", "worker"):
            id = client.push("tasks.sign_in", kwargs={"user": 1, "password": "hunter2"})
        assert f"enqueued tasks.sign_in job={id} queue=default" in caplog.text
        assert "hunter2" not in caplog.text


class TestBulk:
    def test_keeps_the_order_and_takes_a_thousand_in_a_round_trip(self, redis, monkeypatch):
        trips, run = [], client.scripts().run_many

        def counted(calls):
            calls = list(calls)
            trips.append([len(arguments) - 1 for _, _, arguments in calls])
            return run(calls)

        monkeypatch.setattr(client.scripts(), "run_many", counted)
        ids = client.push_bulk("tasks.add", ([number, 1] for number in range(2500)))
        jobs = reversed(redis.lrange("default", 0, -1))
        assert [json.loads(job)["headers"]["id"] for job in jobs] == ids
        assert waiting(redis) == [[[number, 1], {}] for number in range(2500)]
        assert trips == [[100] * 10, [100] * 10, [100] * 5]

    def test_of_nothing_is_nothing(self, redis):
        assert client.push_bulk("tasks.add", []) == []
        assert redis.dbsize() == 0

    def test_for_later(self, redis):
        client.push_bulk("tasks.add", [[1], [2]], queue="mailers", seconds=60)
        assert [job[:8] for job in redis.zrange(keys.SCHEDULE, 0, -1)] == [b"mailers\n"] * 2


class TestSend:
    def test_keeps_the_order_of_jobs_of_several_queues_and_times(self, redis):
        jobs = [client.message("tasks.add", [number]) for number in range(6)]
        places = [
            ("default", None),
            ("default", None),
            ("mailers", None),
            ("default", 1.5),
            ("mailers", 1),
            ("default", None),
        ]
        entries = [
            client.Entry(id, queue, [message], due=due)
            for (id, message), (queue, due) in zip(jobs, places, strict=True)
        ]
        client.send([*entries, entries[0], entries[3]])  # each counts once
        assert waiting(redis) == [[[0], {}], [[1], {}], [[5], {}]]
        assert waiting(redis, "mailers") == [[[2], {}]]
        scheduled = [(b"mailers\n" + jobs[4][1], 1), (b"default\n" + jobs[3][1], 1.5)]
        assert redis.zrange(keys.SCHEDULE, 0, -1, withscores=True) == scheduled

    def test_of_scripts_that_redis_forgot(self, redis):
        (first, one), (second, two) = client.message("tasks.add", [1]), client.message("tasks.add", [2])
        entries = [client.Entry(first, "default", [one]), client.Entry(second, "default", [two], due=1)]
        redis.script_flush()
        client.send(entries)
        assert waiting(redis) == [[[1], {}]]
        assert redis.zcard(keys.SCHEDULE) == 1


def test_everything_that_was_pushed_by_many_threads_is_there_once(redis):
    with ThreadPoolExecutor(10) as threads:
        ids = list(threads.map(lambda number: client.push("tasks.add", [number]), range(500)))
    assert sorted(json.loads(job)["headers"]["id"] for job in redis.lrange("default", 0, -1)) == sorted(ids)


class TestBreaker:
    """Redis refuses, or hangs: one caller waits a moment, the others not at all, and it ends by itself."""

    @pytest.fixture(params=["refused", "hung", "hung after use"])
    def outage(self, request, server):
        """Redis, away; to be called to bring it back."""
        if request.param == "hung after use":
            client.push("tasks.add", [0])
        if request.param == "refused":
            server.stop()
            return server.start
        server.process.send_signal(signal.SIGSTOP)
        return lambda: server.process.send_signal(signal.SIGCONT)

    def test_holds_the_first_caller_a_moment_and_the_others_not_at_all(self, outage, caplog):
        first, error = seconds(lambda: client.push("tasks.add", [1]))
        assert error
        assert first < HELD
        rest = [seconds(lambda: client.push("tasks.add", [1])) for _ in range(200)]
        assert all(error for _, error in rest)
        assert sum(took for took, _ in rest) < HELD
        assert caplog.text.count("Redis is away") == 1

    def test_holds_callers_that_come_together_no_longer_than_one(self, outage):
        with ThreadPoolExecutor(20) as threads:
            held = list(threads.map(lambda _: seconds(lambda: client.push("tasks.add", [1])), range(20)))
        assert all(error for _, error in held)
        assert max(took for took, _ in held) < HELD

    def test_lets_everybody_find_out_when_there_are_no_threads(self, outage, monkeypatch):
        def refuse(_):
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            for _ in range(2):
                took, error = seconds(lambda: client.push("tasks.add", [1]))
                assert isinstance(error, client.AWAY)
                assert took < HELD
        assert client.breaker().error is None

    def test_closes_when_redis_answers_again(self, outage):
        seconds(lambda: client.push("tasks.add", [1]))
        outage()
        until(lambda: not seconds(lambda: client.push("tasks.add", [2]))[1], "a push that is taken", 10)
        assert [[2], {}] in waiting(client.connection())
        until(lambda: "redis-breaker" not in [thread.name for thread in threading.enumerate()], "nobody to ask now")

    def test_asks_again_whatever_went_wrong_when_it_asked(self, server, monkeypatch):
        ping, failed = redis_py.Redis.ping, []

        def fail_once(self, **options):
            if not failed:
                failed.append("once")
                raise MemoryError
            return ping(self, **options)

        monkeypatch.setattr(redis_py.Redis, "ping", fail_once)
        server.stop()
        seconds(lambda: client.push("tasks.add", [1]))
        until(lambda: failed, "the first question", 10)
        server.start()
        until(lambda: not seconds(lambda: client.push("tasks.add", [2]))[1], "a push that is taken", 10)


def test_an_error_of_the_caller_is_no_outage(redis):
    redis.set("default", "no list")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        client.push("tasks.add", [1], id="again")
    assert client.push("tasks.add", queue="mailers")
    redis.delete("default")
    client.push("tasks.add", [1], id="again")  # it was not pushed, so it counts
    assert waiting(redis) == [[[1], {}]]


def test_a_push_in_doubt_may_be_repeated(server):
    """Redis hangs, has the request, and does it when it goes on: after the caller has given up."""
    client.push("tasks.add", [0])
    server.process.send_signal(signal.SIGSTOP)
    _, error = seconds(lambda: client.push("tasks.add", [1], id="in doubt"))
    assert error
    server.process.send_signal(signal.SIGCONT)
    until(lambda: not seconds(lambda: client.push("tasks.add", [1], id="in doubt"))[1], "a push that is taken", 10)
    assert waiting(client.connection()) == [[[0], {}], [[1], {}]]


class TestFork:
    """As gunicorn's workers are, of a process that has loaded the app."""

    def test_pushes_on_connections_of_its_own(self, redis):
        client.push("tasks.add", [1])
        child = forked(lambda: client.push("tasks.add", [2]))
        client.push("tasks.add", [3])
        assert os.waitpid(child, 0)[1] == 0
        client.push("tasks.add", [4])
        assert sorted(args for args, _ in waiting(redis)) == [[1], [2], [3], [4]]

    def test_finds_out_for_itself_that_redis_is_back(self, server):
        server.stop()
        assert seconds(lambda: client.push("tasks.add", [1]))[1]
        child = forked(
            lambda: until(lambda: not seconds(lambda: client.push("tasks.add", [2]))[1], "a push that is taken", 10)
        )
        server.start()
        assert os.waitpid(child, 0)[1] == 0


def forked(call):
    """The pid of a fork that makes this call, and fails with it."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        call()
        status = 0
    finally:
        os._exit(status)
