"""Rows of jobs that Redis was told of go by themselves, and together."""

import os
import signal
import threading

import pytest
from django.db import DatabaseError

from tests.outbox import delete_pushed
from tests.servers import until
from tests.worker.rows import age, commit, relayed, rows
from worker import client, limits, outbox
from worker.models import Outbox
from worker.told import told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue_backend")]


def test_are_deleted_a_moment_later_however_many_in_one_go(redis, monkeypatch):
    deleted, delete = [], told.delete
    monkeypatch.setattr(told, "MOMENT", 4)
    monkeypatch.setattr(told, "delete", lambda entries: deleted.append(len(entries)) or delete(entries))
    for _ in range(20):
        commit()
    assert redis.llen("default") == Outbox.objects.count() == 20
    until(lambda: not Outbox.objects.exists(), "no rows", 20)
    assert deleted == [20]
    commit()
    until(lambda: not Outbox.objects.exists(), "no rows after the next", 20)
    assert deleted == [20, 1]


def test_are_left_to_the_relay_when_the_database_is_away(redis, monkeypatch, caplog):
    def refuse(**_):
        raise DatabaseError("no database")

    commit()
    with monkeypatch.context() as patch:
        patch.setattr(Outbox.objects, "filter", refuse)
        delete_pushed()
    assert "rows of 1 pushed jobs are left to the relay: no database" in caplog.text
    age()
    assert outbox.relay() == 1
    assert Outbox.objects.count() == 0
    assert redis.llen("default") == 1


def test_are_gone_when_a_process_has_ended(staff):
    program = (
        "from django.db import transaction\n"
        "from tests.worker import tasks\n"
        "from worker.models import Outbox\n"
        "with transaction.atomic():\n"
        "    tasks.note.enqueue('a')\n"
        "assert Outbox.objects.count() == 1"
    )
    staff.script(program)
    assert staff.database.ask("SELECT count(*) FROM worker_outbox") == [(0,)]
    assert staff.redis.llen("default") == 1


def test_a_commit_does_not_wait_for_redis(server, monkeypatch):
    monkeypatch.setattr(told, "MOMENT", 60)
    commit()
    server.process.send_signal(signal.SIGSTOP)
    assert client.breaker().error is None
    commit()
    assert client.breaker().error is None, "it has not been waited for"
    assert rows() == 1
    assert client.breaker().error is not None
    server.process.send_signal(signal.SIGCONT)
    age()
    until(relayed, "the relay", 10)
    assert (rows(), client.connection().llen("default")) == (0, 2)


@pytest.mark.parametrize("what", ["script_flush", "restart"])
def test_are_told_again_to_a_redis_that_does_not_know_them(server, what):
    commit()
    if what == "restart":
        server.process.send_signal(signal.SIGKILL)  # and what it was told then is lost
        server.process.wait()
        server.start()
    else:
        client.connection().script_flush()
    told.hear(client.Entry("lost", "default", [b"{}"]), client.redis.ConnectionError("lost"))
    Outbox.objects.create(token="lost", queue="default", message=b"{}")
    commit()
    until(lambda: not Outbox.objects.exists(), "no rows, well before a relay would look", 20)
    assert client.connection().llen("default") == 3


def test_are_not_told_again_when_a_relay_was_faster(redis):
    """Of a process that was frozen for so long that Redis has forgotten the token."""
    commit()
    told.hear(client.Entry("relayed", "default", [b"{}"]), client.redis.ConnectionError("lost"))
    assert (rows(), redis.llen("default")) == (0, 1)


def test_are_settled_though_a_job_was_interrupted_as_it_told(redis, monkeypatch):
    def interrupt(*_):
        raise limits.SoftTimeLimit

    with monkeypatch.context() as patch, pytest.raises(limits.SoftTimeLimit):
        patch.setattr(threading, "Timer", interrupt)
        commit()
    assert Outbox.objects.count() == 1
    commit()
    until(lambda: not Outbox.objects.exists(), "no rows", 20)


def test_stay_rows_while_redis_refuses_them(redis, caplog):
    commit()
    redis.config_set("maxmemory", "1")
    try:
        commit()
        assert rows() == 1
        assert "1 jobs wait in the database" in caplog.text
    finally:
        redis.config_set("maxmemory", "0")
    age()
    assert (outbox.relay(), rows(), redis.llen("default")) == (1, 0, 2)


def test_a_fork_deletes_its_own(redis):
    commit()
    child = os.fork()
    if not child:
        os._exit(told.is_soon + len(told.pushed + told.failed))
    assert os.waitpid(child, 0)[1] == 0
    assert rows() == 0
