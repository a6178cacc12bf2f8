import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db import transaction
from django.tasks import TaskResultStatus, task_backends
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone

from tests.servers import until
from tests.worker import tasks
from tests.worker.rows import age
from worker import client, dead, job, keys, outbox, results

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("queue_backend")]


def get(id):
    return task_backends["default"].get_result(id)


class TestGetResult:
    def test_follows_a_job_that_succeeds(self, shift):
        before = timezone.now()
        shift.redis.sadd(keys.PAUSED, "default")
        enqueued = tasks.answer.enqueue("yes")
        found = get(enqueued.id)
        assert (found.status, found.task, found.args) == (TaskResultStatus.READY, tasks.answer, ["yes"])
        assert before <= found.enqueued_at <= timezone.now()
        with pytest.raises(ValueError, match="has not finished"):
            _ = found.return_value

        shift.redis.srem(keys.PAUSED, "default")
        shift.hear("yes asked")
        enqueued.refresh()
        assert enqueued.status == TaskResultStatus.RUNNING
        assert enqueued.attempts == 1
        assert str(shift.workers[0].pid) in enqueued.worker_ids[0]

        shift.let("yes")
        until(lambda: get(enqueued.id).is_finished, "its end")
        enqueued.refresh()
        assert enqueued.status == TaskResultStatus.SUCCESSFUL
        assert enqueued.return_value == {"answer": ["yes"]}
        assert enqueued.enqueued_at <= enqueued.started_at <= enqueued.finished_at <= timezone.now()
        assert 0 < client.connection().ttl(keys.done(enqueued.id)) <= 60

    def test_follows_a_job_that_fails_and_fails_again(self, shift):
        id = tasks.answer.enqueue("no").id
        shift.let("no")
        until(lambda: shift.ids(keys.RETRY) == [id], "the retry")
        found = get(id)
        assert found.status == TaskResultStatus.READY  # django.tasks: about to be run
        assert [error.exception_class for error in found.errors] == [ValueError]
        assert "no answer" in found.errors[0].traceback

        shift.let("no")
        shift.hurry()
        until(lambda: shift.ids(keys.DEAD) == [id], "its death")
        found = get(id)
        assert found.status == TaskResultStatus.FAILED
        assert found.finished_at
        assert (len(found.errors), found.attempts) == (2, 2)
        with pytest.raises(ValueError, match="Task failed"):
            _ = found.return_value

    def test_knows_that_a_job_failed_for_good_even_if_its_errors_are_forgotten(self, shift):
        """What is kept of the first attempt is gone before the second: retries take longer than results are kept."""
        id = tasks.answer.enqueue("no").id
        shift.let("no")
        until(lambda: shift.ids(keys.RETRY) == [id], "the retry")
        shift.redis.delete(keys.done(id))
        shift.let("no")
        shift.hurry()
        until(lambda: shift.ids(keys.DEAD) == [id], "its death")
        assert get(id).status == TaskResultStatus.FAILED

    def test_knows_that_a_job_was_stopped(self, shift):
        id = tasks.spin_for_a_result.enqueue().id
        shift.hear("result spins")
        (process,) = shift.redis.zrange(keys.PROCESSES, 0, -1)
        shift.redis.rpush(keys.signals(process.decode()), f"stop-job {id}")
        until(lambda: shift.ids(keys.DEAD) == [id], "its death")
        assert get(id).status == TaskResultStatus.FAILED

    def test_tells_when_it_is_due(self, redis):
        due = timezone.now() + timedelta(hours=1)
        found = get(tasks.answer.using(run_after=due).enqueue("yes").id)
        assert (found.task.run_after, found.task.func) == (due, tasks.answer.func)

    def test_of_a_task_that_is_gone_does_not_exist(self, redis, monkeypatch):
        id = tasks.answer.enqueue("yes").id
        monkeypatch.delattr(tasks, "answer")
        with pytest.raises(TaskResultDoesNotExist, match=r"tests\.worker\.tasks\.answer"):
            get(id)

    def test_knows_of_a_death_of_which_the_call_could_not_tell(self, redis):
        assert results.died in dead.handlers
        running = replace(tasks.answer.enqueue("yes"), status=TaskResultStatus.RUNNING)
        results.keep(running)
        client.connection().expire(keys.done(running.id), 30)

        dead.tell("default", redis.lindex("default", 0), Exception("its process died"))

        found = get(running.id)
        assert found.status == TaskResultStatus.FAILED
        assert found.finished_at
        assert redis.ttl(keys.done(running.id)) <= 30
        dead.tell("default", b"unreadable", Exception())
        assert redis.dbsize() == 3, "nothing is kept of other jobs"

    def test_of_a_task_that_keeps_none_does_not_exist(self, redis):
        id = tasks.note.enqueue("a").id
        with pytest.raises(TaskResultDoesNotExist, match=id):
            get(id)

    @pytest.mark.parametrize("id", ["unknown", "", "dead", "a:b"])
    def test_of_an_unknown_job_does_not_exist(self, redis, id):
        with pytest.raises(TaskResultDoesNotExist):
            get(id)

    def test_of_a_job_whose_mail_was_taken_does_not_exist(self, redis):
        """The same key tells that; it is no result."""
        redis.set(keys.done("id"), json.dumps({"mailed": ["a@example.com"]}))
        with pytest.raises(TaskResultDoesNotExist):
            get("id")

    def test_of_a_job_that_was_rolled_back_does_not_exist(self, redis):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            id = tasks.answer.enqueue("yes").id
            raise ZeroDivisionError
        with pytest.raises(TaskResultDoesNotExist):
            get(id)

    def test_of_a_job_that_is_not_committed_does_not_exist_yet(self, redis):
        with transaction.atomic():
            id = tasks.answer.enqueue("yes").id
            with pytest.raises(TaskResultDoesNotExist):
                get(id)
        assert get(id).status == TaskResultStatus.READY

    def test_when_redis_is_away_says_that(self, server):
        id = tasks.answer.enqueue("yes").id
        server.stop()
        with pytest.raises(client.redis.RedisError):
            get(id)


class TestOrigin:
    @pytest.fixture
    def heard(self):
        """The ids of the jobs that whoever asks for them hears of."""
        asking = Mock(told=dict, known=dict)
        token = job.origin.set(asking)
        yield lambda: [call.args[0] for call in asking.enqueued.call_args_list]
        job.origin.reset(token)

    def test_hears_of_jobs_of_which_something_is_kept_once_they_are_certain(self, redis, heard):
        with transaction.atomic():
            id = tasks.answer.enqueue("yes").id
            tasks.note.enqueue("a")
            assert heard() == []
        assert heard() == [id]
        with suppress(ZeroDivisionError), transaction.atomic():
            tasks.answer.enqueue("no")
            raise ZeroDivisionError
        assert heard() == [id]

    def test_hears_of_a_job_that_waits_in_the_database(self, server, heard):
        server.stop()
        assert heard() == [] != [tasks.answer.enqueue("yes").id]
        assert len(heard()) == 1


class TestOvertaken:
    """By what somebody else has noted meanwhile."""

    def test_the_end_of_a_job_that_a_relay_pushed_before_its_enqueue_was_noted_stays(self, redis):
        def overtake():
            age()
            assert outbox.relay() == 1
            finish(enqueued)

        with transaction.atomic():
            transaction.on_commit(overtake)
            enqueued = tasks.answer.enqueue("yes")
        assert get(enqueued.id).status == TaskResultStatus.SUCCESSFUL

    def test_the_end_of_a_job_stays_when_it_is_enqueued_again_and_counts_no_more(self, redis):
        task = replace(tasks.answer, id="once")
        finish(task.enqueue("yes"))
        task.enqueue("yes")
        assert get("once").status == TaskResultStatus.SUCCESSFUL

    def test_what_runs_out_while_a_death_is_noted_is_not_kept_for_ever(self, redis, monkeypatch):
        result, read = tasks.answer.enqueue("yes"), results.read
        monkeypatch.setattr(results, "read", lambda id: (read(id), redis.delete(keys.done(id)))[0])
        results.died(Mock(id=result.id), "killed")
        assert not redis.exists(keys.done(result.id))


def finish(result):
    results.keep(replace(result, status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now()), {"answer": ["yes"]})
