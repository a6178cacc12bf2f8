import json
import zlib
from base64 import b64decode

from tests.servers import until
from worker import client, dead, keys, message, reaper
from worker.connection import Scripts, connect
from worker.heartbeat import Heartbeat
from worker.process import Process

NAME = "tests.worker.tasks"


class TestHandlers:
    def test_are_told_once_of_each_death_in_a_worker(self, shift):
        """Of what failed for good, is hopeless, unknown or cannot be read; not of what is tried again or discarded."""
        shift.push("fail_at_once", "for good")
        shift.push("despair", "no use", queue="mailers")
        shift.push("unknown", 1)
        shift.redis.lpush("default", "no message")
        shift.push("fail", "again")
        shift.push("discard", "let it go")
        until(lambda: len(shift.ids(keys.DEAD)) == len(shift.died()) == 4, "four dead jobs and their handlers")
        until(lambda: len(shift.ids(keys.RETRY)) == shift.ledger("discarded") == 1, "the others")
        unreadable, *readable = sorted(shift.died())
        assert unreadable.startswith("None default None Unreadable: not a message")
        assert readable == [
            f"{NAME}.despair mailers ['no use'] Hopeless: no use",
            f"{NAME}.fail_at_once default ['for good'] ValueError: for good",
            f"{NAME}.unknown default [1] Unreadable: no task is called '{NAME}.unknown' here",
        ]
        assert "RuntimeError: a handler that fails" in shift.log()
        assert f"dead {NAME}.despair job=" in shift.log()

    def test_of_a_task_that_discards_what_failed_are_not_told_and_the_ledger_counts_it(self, shift):
        id = shift.push("discard", "let it go")
        until(lambda: shift.ledger("discarded") == 1, "the discarded job")
        assert shift.ids(keys.DEAD) == shift.ids(keys.RETRY) == shift.died() == []
        assert shift.failure(id) is None
        assert shift.ledger("fetched") == 1
        assert int(shift.redis.hget(keys.PROCESSED, "total")) == int(shift.redis.hget(keys.FAILED, "total")) == 1

    def test_are_told_once_of_a_job_that_kills_its_processes(self, redis, no_outbox, monkeypatch):
        told = []
        monkeypatch.setattr(dead, "handlers", [lambda death, error: told.append((death, error))])
        id = client.push("tasks.kill", ["a"])
        for _ in range(reaper.POISON):
            victim = Process({"default": 1}, 1)
            Heartbeat(victim).beat(join=True)
            assert [message.id_of(held.message) for held in victim.fetch(["default"])] == [id]
            redis.zadd(keys.PROCESSES, {victim.id: 1})
            for rescuer in (reaper.Reaper(), reaper.Reaper()):
                rescuer.bury(victim.id, victim.scripts)
        ((death, error),) = told
        assert death[:-1] == (id, "tasks.kill", "default", ["a"], {})
        assert death.headers["id"] == id
        assert isinstance(error, reaper.Poison)
        assert redis.zcard(keys.DEAD) == 1
        assert "died 3 times" in json.loads(redis.hget(keys.ATTEMPTS, id))["message"]


class TestRecord:
    def test_tells_of_earlier_failures_the_newest_first_and_not_of_too_many(self):
        found = b""
        for attempt in range(1, 10):
            found = dead.record("ValueError", f"no {attempt}", attempt, "Traceback: same", found).encode()
        found = json.loads(found)
        assert (found["attempt"], found["message"]) == (9, "no 9")
        assert [each["message"] for each in found["earlier"]] == ["no 8", "no 7", "no 6", "no 5", "no 4"]
        assert len(found["earlier"]) == dead.EARLIER
        assert all("earlier" not in each for each in found["earlier"])

    def test_keeps_a_backtrace_once_where_it_is_that_of_the_next_failure(self):
        found = b""
        for attempt, backtrace in enumerate(("one", "other", "other"), 1):
            found = dead.record("ValueError", "no", attempt, backtrace, found).encode()
        second, first = json.loads(found)["earlier"]
        assert "backtrace" not in second
        assert zlib.decompress(b64decode(first["backtrace"])) == b"one"

    def test_says_what_happened(self):
        try:
            int("no number")
        except ValueError as error:
            record = json.loads(dead.record_of(error, 3))
        assert (record["error"], record["attempt"]) == ("ValueError", 3)
        assert record["message"] == "invalid literal for int() with base 10: 'no number'"
        assert 'int("no number")' in backtrace(record)

    def test_names_the_module_of_an_error(self):
        assert json.loads(dead.record_of(message.Unreadable("x"), 1))["error"] == "worker.message.Unreadable"

    def test_of_a_long_backtrace_keeps_both_ends_in_little_room(self):
        text = "begin" + "é" * 1_000_000 + "end"
        record = dead.record("Error", "m" * 100_000, backtrace=text)
        assert len(record) < 30_000
        kept = backtrace(json.loads(record))
        assert kept.startswith("beginé") and kept.endswith("éend")

    def test_holds_any_text(self):
        odd = 'quotes " \\ \n \0 🚀 \ud800'
        assert json.loads(dead.record("Error", odd, backtrace=odd.replace("\ud800", "")))["message"] == odd

    def test_holds_a_backtrace_with_any_text(self):
        try:
            raise ValueError("a lone surrogate, as of a file name that is not UTF-8: \ud800")
        except ValueError as error:
            assert "surrogate" in backtrace(json.loads(dead.record_of(error, 1)))


def backtrace(record):
    return zlib.decompress(b64decode(record["backtrace"])).decode(errors="replace")


def test_a_dead_job_that_is_run_by_hand_spends_no_attempt(shift):
    id = shift.push("despair", "no use")
    until(lambda: len(shift.died()) == 1, "its death")
    (entry,) = shift.redis.zrange(keys.DEAD, 0, -1)
    assert Scripts(connect()).requeue([keys.DEAD, keys.ATTEMPTS, keys.LEDGER], [1, entry]) == 1
    until(lambda: len(shift.died()) == 2, "its second death")
    assert shift.ids(keys.DEAD) == [id]
    assert shift.failure(id)["attempt"] == 1


def test_an_error_that_cannot_be_told_keeps_no_job_from_being_moved(staff):
    """Its text is not Unicode (as of a file name), or asking for it fails; the thread goes on after it."""
    staff.start(1)
    ids = [staff.push("fail", "\ud800"), staff.push("fail_unspeakably")]
    staff.push("echo", "next")
    staff.hear("next", 10)
    until(lambda: set(staff.ids(keys.RETRY)) == set(ids), "the retries", 5)
