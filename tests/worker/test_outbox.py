"""A job comes to be with the transaction that enqueues it, and is pushed once, whatever happens on the way."""

import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from celery import chain, group
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.servers import until
from tests.web.races import at_once
from tests.worker import tasks
from tests.worker.rows import age, relayed, rows
from worker import client, job, keys, limits, message, outbox
from worker.celery import app
from worker.models import Outbox

HELD = 4  # seconds that a caller may be held at most: 0.6, and slack for a busy machine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue_backend")]

WAYS = {
    "enqueue": lambda: tasks.note.enqueue("a"),
    "delay": lambda: tasks.shared_note.delay("a"),
    "apply_async": lambda: tasks.shared_note.apply_async(("a",)),
    "group": lambda: group(tasks.shared_note.s("a"), tasks.shared_note.s("b")).delay(),
    "chain": lambda: chain(tasks.shared_note.s("a"), tasks.echo.si("b")).delay(),
    "push": lambda: client.push("tasks.add", [1]),
    "push_bulk": lambda: client.push_bulk("tasks.add", [[1], [2]]),
}
JOBS = dict.fromkeys(WAYS, 1) | {"group": 2, "push_bulk": 2}  # that each of them makes at once
ROWS = JOBS | {"push_bulk": 1}


def ids(redis, queue="default"):
    return [message.id_of(job) for job in reversed(redis.lrange(queue, 0, -1))]


class TestTransaction:
    @pytest.mark.parametrize("way", WAYS)
    def test_what_it_enqueues_shares_its_fate(self, redis, way):
        with transaction.atomic():
            WAYS[way]()
            assert (rows(), redis.dbsize()) == (ROWS[way], 0), "a row until the commit"
        assert (rows(), redis.llen("default")) == (0, JOBS[way]), "in Redis alone after the commit"
        redis.flushdb()

        with suppress(ZeroDivisionError), transaction.atomic():
            WAYS[way]()
            raise ZeroDivisionError
        assert (rows(), redis.dbsize()) == (0, 0), "nothing after a rollback"

        with transaction.atomic():
            kept = tasks.note.enqueue("kept")
            with suppress(ZeroDivisionError), transaction.atomic():
                WAYS[way]()
                raise ZeroDivisionError
        assert (rows(), ids(redis)) == (0, [kept.id]), "nothing after a rollback to a savepoint but what was before it"
        redis.flushdb()

        with suppress(ZeroDivisionError), transaction.atomic():
            with transaction.atomic():
                WAYS[way]()
            assert redis.dbsize() == 0, "an inner commit waits for the outer one"
            raise ZeroDivisionError
        assert (rows(), redis.dbsize()) == (0, 0)

    def test_outside_of_one_a_job_is_in_redis_at_once_without_the_database(self, redis):
        with CaptureQueriesContext(connection) as queries:
            for way in WAYS.values():
                way()
        assert (len(queries), redis.llen("default")) == (0, sum(JOBS.values()))

    def test_jobs_keep_their_order(self, redis):
        with transaction.atomic():
            expected = [tasks.note.enqueue(str(number)).id for number in range(20)]
        assert ids(redis) == expected

    def test_the_row_is_the_database_s_own(self, redis):
        """Other connections do not see it before the commit."""
        seen = []
        with transaction.atomic():
            tasks.note.enqueue("a")
            at_once(lambda: seen.append(rows()))
        assert seen == [0]

    def test_a_job_for_later_is_due_when_it_was_asked_for(self, redis):
        with transaction.atomic():
            tasks.note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue("a")
            tasks.shared_note.apply_async(("a",), countdown=3600)
            client.push("tasks.add", seconds=3600)
        dues = [due - redis.time()[0] for _, due in redis.zrange(keys.SCHEDULE, 0, -1, withscores=True)]
        assert len(dues) == 3
        assert all(3590 < due < 3610 for due in dues)

    def test_what_was_committed_stays_when_the_process_dies_before_the_push(self, redis, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "push", lambda entries: None)  # it is dead by then
            with transaction.atomic():
                id = tasks.note.enqueue("a").id
        assert (rows(), redis.dbsize()) == (1, 0)
        age()
        assert outbox.relay() == 1
        assert (rows(), ids(redis)) == (0, [id])


class TestOutage:
    """Redis refuses or hangs. Outside a transaction, too, a job is safe when the call returns, and that is soon."""

    @pytest.fixture(params=["refused", "hung"])
    def outage(self, request, server):
        """Redis, away; to be called to bring it back."""
        if request.param == "refused":
            server.stop()
            return server.start
        server.process.send_signal(signal.SIGSTOP)
        return lambda: server.process.send_signal(signal.SIGCONT)

    def test_keeps_the_job_as_a_row_and_the_caller_for_a_moment(self, outage):
        for name, way in WAYS.items():
            begin_as_a_new_process()
            assert took(way) < HELD, f"the first {name}"
            assert rows() == ROWS[name], name
            assert took(lambda way=way: [way() for _ in range(20)]) < HELD, (
                f"20 times {name} while Redis is known to be away"
            )
            assert rows() == 21 * ROWS[name], name
            Outbox.objects.all().delete()

    def test_a_task_with_a_result_is_no_slower(self, outage):
        assert took(lambda: tasks.answer.enqueue("a")) < HELD
        assert took(lambda: [tasks.answer.enqueue("a") for _ in range(20)]) < HELD
        assert rows() == 21

    def test_a_commit_is_no_slower_and_keeps_its_rows(self, outage):
        def commit(way):
            with transaction.atomic():
                for _ in range(5):
                    way()

        for name, way in WAYS.items():
            begin_as_a_new_process()
            assert took(lambda way=way: commit(way)) < HELD, name
            assert rows() == 5 * ROWS[name], name
            Outbox.objects.all().delete()

    def test_a_job_for_later_is_a_row_too(self, outage):
        tasks.note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue("a")
        tasks.shared_note.apply_async(("a",), countdown=3600)
        assert rows() == 2

    def test_the_rows_are_pushed_once_when_redis_is_back(self, outage):
        expected = [tasks.note.enqueue(str(number)).id for number in range(3)]
        outage()
        age()
        until(relayed, "the relay", 10)
        assert rows() == 0
        redis = client.connection()
        assert sorted(ids(redis)) == sorted(expected)

    def test_a_request_that_redis_does_late_after_all_counts_once(self, server):
        until(nobody_asks, "what earlier tests have left asking for Redis, and hangs up when it is there")
        client.push("tasks.add", queue="other")
        server.process.send_signal(signal.SIGSTOP)
        id = tasks.note.enqueue("a").id
        server.process.send_signal(signal.SIGCONT)
        until(lambda: client.connection().llen("default"), "the late push", 10)
        age()
        until(relayed, "the relay", 10)
        assert ids(client.connection()) == [id]

    def test_says_so_when_the_database_is_away_as_well(self, outage, monkeypatch):
        monkeypatch.setattr(outbox, "INSERT", outbox.INSERT.replace("worker_outbox", "nowhere"))
        with pytest.raises(DatabaseError):
            tasks.note.enqueue("a")


def begin_as_a_new_process():
    """One that has not enqueued anything, and knows nothing of an outage."""
    client.breaker.cache_clear()
    app._after_fork()


def nobody_asks():
    return all(thread.name != "redis-breaker" for thread in threading.enumerate())


def took(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


@pytest.fixture
def left_over(redis):
    """Jobs that were committed and not pushed: `left_over(3, seconds=60)` gives their ids."""

    def make(count, **options):
        made = [client.message("tasks.add", [number]) for number in range(count)]
        outbox.write([client.Entry(id, "default", [content], **options) for id, content in made])
        return [id for id, _ in made]

    return make


class TestRelay:
    def test_leaves_alone_what_its_process_may_still_push(self, redis, left_over):
        left_over(1)
        assert outbox.relay() == 0
        assert rows() == 1

    def test_pushes_what_is_older_the_oldest_first(self, redis, left_over):
        expected = left_over(1)
        age(10)
        expected += left_over(1)
        age()
        assert outbox.relay() == 2
        assert (rows(), ids(redis)) == (0, expected)

    def test_leaves_out_what_was_pushed_before_its_process_died(self, redis, left_over):
        (id,) = left_over(1)
        client.send([outbox.entry(Outbox.objects.annotate(age=F("created_at") - F("created_at")).get())])
        age()
        assert outbox.relay() == 1
        assert (rows(), ids(redis)) == (0, [id])

    def test_counts_a_countdown_from_when_the_row_was_written(self, redis, left_over):
        left_over(1, seconds=600)
        age(200)
        outbox.relay()
        ((_, due),) = redis.zrange(keys.SCHEDULE, 0, -1, withscores=True)
        assert 390 < due - redis.time()[0] < 410

    def test_pushes_at_once_what_has_become_due_meanwhile(self, redis, left_over):
        left_over(1, seconds=30)
        age(200)
        outbox.relay()
        ((_, due),) = redis.zrange(keys.SCHEDULE, 0, -1, withscores=True)
        assert due <= redis.time()[0] + 1

    def test_pushes_those_of_a_bulk_together_and_once(self, redis, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "push", lambda entries: None)  # the process is dead by then
            with transaction.atomic():
                now = client.push_bulk("tasks.add", ([number] for number in range(250)))
                client.push_bulk("tasks.add", [["later"]] * 150, seconds=600)
        client.send([outbox.entry(Outbox.objects.annotate(age=F("created_at") - F("created_at")).get(pk=now[100]))])
        assert ids(redis) == now[100:200]
        age(200)
        assert (outbox.relay(), rows()) == (5, 0)
        assert sorted(ids(redis)) == sorted(now)
        dues = [due - redis.time()[0] for _, due in redis.zrange(keys.SCHEDULE, 0, -1, withscores=True)]
        assert len(dues) == 150
        assert all(390 < due < 410 for due in dues)

    def test_keeps_a_time_as_it_is(self, redis, left_over):
        left_over(1, due=2_000_000_000)
        age()
        outbox.relay()
        assert redis.zrange(keys.SCHEDULE, 0, -1, withscores=True)[0][1] == 2_000_000_000

    def test_keeps_the_rows_while_redis_is_away(self, left_over, server):
        server.stop()
        left_over(3)
        age()
        for _ in range(2):
            with pytest.raises(client.redis.RedisError):
                outbox.relay()
        assert rows() == 3

    def test_keeps_the_rows_that_redis_refuses_and_no_other(self, redis, left_over, caplog):
        redis.set("no-list", "text")
        expected = left_over(1)
        outbox.write([client.Entry("refused", "no-list", [b"{}"])])
        expected += left_over(1)
        age()
        assert (outbox.relay(), outbox.relay()) == (3, 1)
        assert list(Outbox.objects.values_list("pk", flat=True)) == ["refused"]
        assert sorted(ids(redis)) == sorted(expected)
        assert (
            "Redis refuses 1 jobs, which stay in the database, the first of them for no-list: WRONGTYPE" in caplog.text
        )

    def test_gets_past_batches_of_rows_that_redis_refuses(self, redis, left_over, monkeypatch):
        monkeypatch.setattr(outbox, "BATCH", 2)
        redis.set("no-list", "text")
        outbox.write([client.Entry(f"refused-{number}", "no-list", [b"{}"]) for number in range(5)])
        age()
        expected = left_over(4)
        age()
        outbox.relay_all()
        assert (rows(), sorted(ids(redis))) == (5, sorted(expected))

    def test_asks_a_full_redis_once_and_keeps_all_rows(self, redis, left_over, caplog):
        left_over(outbox.BATCH + 1)
        age()
        redis.config_set("maxmemory", "1")
        try:
            outbox.relay_all()
        finally:
            redis.config_set("maxmemory", "0")
        assert caplog.text.count(f"Redis refuses {outbox.BATCH} jobs") == caplog.text.count("Redis refuses") == 1
        assert rows() == outbox.BATCH + 1
        outbox.relay_all()
        assert (rows(), redis.llen("default")) == (0, outbox.BATCH + 1)

    def test_takes_leave_of_what_redis_took_though_it_refused_the_rest(self, redis, left_over, monkeypatch):
        """Or it would push them again for as long as that lasts, and after an hour they would run again."""
        ids = left_over(3)
        age()
        answers = client.answers
        noreplicas = client.redis.ResponseError("NOREPLICAS Not enough good replicas to write.")
        monkeypatch.setattr(client, "answers", lambda entries: [*answers(entries[:1]), noreplicas, noreplicas])
        assert outbox.relay() == 0
        assert sorted(Outbox.objects.values_list("pk", flat=True)) == sorted(ids[1:])

    def test_takes_more_than_a_batch(self, redis, left_over):
        expected = left_over(outbox.BATCH + 10)
        age()
        assert outbox.relay() == outbox.BATCH
        assert outbox.relay() == 10
        assert (rows(), sorted(ids(redis))) == (0, sorted(expected))

    def test_several_at_once_push_each_job_once(self, redis, left_over):
        expected = left_over(2 * outbox.BATCH)
        age()
        stop = threading.Event()

        def keep_relaying():
            while rows() and not stop.is_set():
                with suppress(DatabaseError):  # SQLite, where another is faster
                    outbox.relay()

        threading.Timer(30, stop.set).start()
        at_once(*[keep_relaying] * 4)
        assert rows() == 0
        assert sorted(ids(redis)) == sorted(expected)

    def test_lets_others_write_while_redis_answers(self, left_over, server, monkeypatch):
        """A request that enqueues must not wait for a relay that waits for a Redis that hangs."""
        left_over(1)
        age()
        server.process.send_signal(signal.SIGSTOP)
        asked, written, entry = threading.Event(), [], outbox.entry
        monkeypatch.setattr(outbox, "entry", lambda row: asked.set() or entry(row))

        def relay():
            with pytest.raises(client.redis.RedisError):
                outbox.relay()

        def write():
            assert asked.wait(20)
            while client.breaker().error is None:  # before the relay has given up
                outbox.write([client.Entry(str(uuid4()), "default", [b"{}"])])
                written.append(client.breaker().error is None)

        try:
            at_once(relay, write)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert any(written)

    def test_does_not_wait_for_rows_of_another(self, redis, left_over):
        """One that hangs in the middle holds up its own rows alone."""
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("this database has no SKIP LOCKED")
        left_over(3)
        age()
        locked, done = threading.Event(), threading.Event()

        def hold():
            with transaction.atomic():
                list(Outbox.objects.select_for_update()[:1])
                locked.set()
                assert done.wait(20)

        def relay():
            assert locked.wait(20)
            try:
                return outbox.relay()
            finally:
                done.set()

        assert at_once(hold, relay)[1] == 2
        assert rows() == 1


@pytest.mark.parametrize("how", ["refused", "hung"])
def test_no_way_of_enqueuing_holds_a_web_process_while_redis_is_away(staff, how):
    """Celery's own connections, such as that to its results, included. A chord needs Redis, and says so each time."""
    if how == "refused":
        staff.server.stop()
    else:
        staff.server.process.send_signal(signal.SIGSTOP)
    try:
        caller = staff.run([sys.executable, "-m", "tests.worker.caller"], {})
        with suppress(subprocess.TimeoutExpired):
            caller.wait(60)
        caller.kill()
        told = [json.loads(line) for line in caller.log().splitlines() if line.startswith("[")]
    finally:
        staff.server.process.send_signal(signal.SIGCONT)
        if how == "refused":
            staff.server.start()
    slow = {way: held for way, *held, _ in told if max(held) > HELD and way != "chord"}
    slow |= {way: held for way, *held, _ in told if max(held[0], held[1] / 10, held[2]) > HELD}
    failed = {way: errors for way, *_, errors in told if errors and way != "chord"}
    assert (slow, failed) == ({}, {})
    assert len(told) == 8, f"it got no further than {told[-1:]}"
    ((rows,),) = staff.database.ask("SELECT count(*) FROM worker_outbox")
    assert rows >= 12 * 7


def test_a_job_that_is_left_in_the_middle_of_a_transaction_leaves_the_next_one_a_connection():
    """As Python leaves one that is interrupted where a `while condition:` in it begins anew."""

    def jobs():
        transaction.atomic().__enter__()
        limits.clean()
        return Outbox.objects.count()

    assert at_once(jobs) == [0]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no pool of connections")
def test_an_interrupt_of_who_waits_for_a_connection_takes_none_along():
    running = job.Running("tasks.spin", "id", "default")
    connection.close()
    pool, most = connection.pool, connection.pool.max_size
    held = [pool.getconn() for _ in range(most)]

    def work():
        limits.arm(running)
        try:
            connection.ensure_connection()
            while True:
                pass
        except limits.Stopped:
            return "stopped"
        finally:
            limits.disarm(running)

    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(at_once, work)
        until(lambda: pool.get_stats()["requests_waiting"], "the job to wait")
        limits.interrupt(running, limits.Stopped)
        for each in held:
            pool.putconn(each)
        until(lambda: limits.deliver(running) or working.done(), "the end of the job")
    assert working.result() == ["stopped"]
    until(lambda: pool.get_stats()["pool_available"] == pool.get_stats()["pool_size"], "every connection to be back")


def test_in_debug_no_job_leaves_its_queries_in_memory():
    """The tests' settings are those of DEBUG when the engine is installed."""
    connection.force_debug_cursor = True
    try:
        rows()
        assert connection.queries_log
        limits.clean()
    finally:
        connection.force_debug_cursor = False
    assert not connection.queries_log
