import json
import threading
from base64 import b64decode
from datetime import timedelta

import pytest
from django.db import transaction
from django.tasks import TaskResultStatus, task, task_backends
from django.tasks.exceptions import InvalidTask
from django.utils import timezone

from tests.servers import until
from tests.worker import tasks
from worker import backend, client, keys, retries
from worker.celery import app

BACKENDS = ["QueueBackend", "ThreadBackend", "ImmediateBackend"]


@pytest.fixture(autouse=True)
def nothing_ran_yet():
    tasks.ran.clear()
    tasks.event.clear()


@pytest.fixture
def use(settings):
    def use(name):
        settings.TASKS = {"default": {"BACKEND": f"worker.backend.{name}", "QUEUES": ["default", "mailers"]}}

    return use


@pytest.fixture
def pushed(monkeypatch):
    """What the backend in use pushes, as (task, args)."""
    found = []

    def send(entries):
        found.extend((entry.call.task.split(".")[-1], entry.call.args) for entry in entries)

    monkeypatch.setattr(client, "send", send)
    monkeypatch.setattr(client, "tell", lambda entry, hear: send([entry]))
    for name in BACKENDS[1:]:
        monkeypatch.setattr(
            getattr(backend, name), "push", lambda self, result: found.append((result.task.name, result.args))
        )
    return found


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.django_db(transaction=True)
class TestEveryBackend:
    def test_pushes_at_once_outside_a_transaction(self, use, pushed, name):
        use(name)
        result = tasks.note.enqueue("a")
        assert pushed == [("note", ["a"])]
        assert result.status == TaskResultStatus.READY

    def test_pushes_on_commit_and_not_before(self, use, pushed, name):
        use(name)
        with transaction.atomic():
            tasks.note.enqueue("a")
            assert pushed == []
        assert pushed == [("note", ["a"])]

    def test_never_pushes_what_was_rolled_back(self, use, pushed, name):
        use(name)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            tasks.note.enqueue("a")
            raise ZeroDivisionError
        assert pushed == []

    def test_refuses_an_object_as_an_argument(self, use, pushed, name):
        use(name)
        with pytest.raises(TypeError, match="note.. got word=<object"):
            tasks.note.enqueue(object())
        assert pushed == []

    def test_refuses_a_call_that_does_not_fit(self, use, pushed, name):
        use(name)
        for call in (tasks.note.enqueue, tasks.note_context.enqueue):
            with pytest.raises(TypeError, match="missing a required argument: 'word'"):
                call()
        assert pushed == []

    def test_takes_a_policy(self, use, name):
        use(name)
        assert tasks.fail.retries == 2
        assert tasks.note.retries == 25
        with pytest.raises(InvalidTask, match="retries is -1"):
            task(retries=-1)(tasks.note.func)
        for limit in (timedelta(seconds=30), "30", 0):
            with pytest.raises(InvalidTask, match="soft_time_limit is .*: use a number of seconds"):
                task(soft_time_limit=limit)(tasks.note.func)

    def test_refuses_a_queue_that_nobody_listens_to(self, use, name):
        use(name)
        with pytest.raises(InvalidTask, match="Queue 'other' is not valid"):
            tasks.note.using(queue_name="other").enqueue("a")


@pytest.mark.django_db(transaction=True)
class TestImmediate:
    def test_runs_the_job_in_the_caller(self, use):
        use("ImmediateBackend")
        result = tasks.note_context.enqueue("a")
        assert tasks.ran == [(result.id, 1, "a")]
        assert result.status == TaskResultStatus.SUCCESSFUL

    def test_tells_of_a_failure_and_does_not_raise_it(self, use, caplog):
        use("ImmediateBackend")
        result = tasks.fail.enqueue("no")
        assert result.status == TaskResultStatus.FAILED
        assert f"failed tests.worker.tasks.fail job={result.id}" in caplog.text
        assert "ValueError: no" in caplog.text

    def test_cannot_run_later(self, use):
        use("ImmediateBackend")
        with pytest.raises(InvalidTask, match="run_after"):
            tasks.note.using(run_after=timezone.now()).enqueue("a")


@pytest.mark.django_db(transaction=True)
class TestThread:
    def test_runs_the_job_in_another_thread(self, use):
        use("ThreadBackend")
        tasks.note.enqueue("a", times=2)
        assert tasks.event.wait(10)
        assert tasks.ran == [("a", 2)]

    def test_runs_later(self, use):
        use("ThreadBackend")
        tasks.note.using(run_after=timezone.now() + timedelta(seconds=3)).enqueue("a")
        assert tasks.ran == []
        assert tasks.event.wait(10)

    def test_retries_as_often_as_the_policy_says(self, use, monkeypatch):
        use("ThreadBackend")
        monkeypatch.setattr(retries, "delay", lambda attempt: 0)
        result = tasks.fail.enqueue("no")
        until(lambda: len(result.errors) == 3 and result.finished_at, "three attempts")
        threading.Event().wait(0.2)
        assert tasks.ran == ["no"] * 3

    def test_shares_one_pool_among_all_threads(self, use):
        use("ThreadBackend")
        found = []
        thread = threading.Thread(target=lambda: found.append(task_backends["default"]))
        thread.start()
        thread.join()
        assert found[0] is not task_backends["default"]
        assert backend.threads() is backend.threads()


@pytest.mark.django_db(transaction=True)
class TestQueue:
    @pytest.fixture(autouse=True)
    def queues(self, use):
        use("QueueBackend")
        yield
        client.connection().flushdb()

    def test_pushes_a_message_of_celerys_protocol(self):
        result = tasks.note_context.enqueue("a")
        message = json.loads(client.connection().rpop("mailers"))
        assert message["headers"]["id"] == result.id
        assert message["headers"]["task"] == "tests.worker.tasks.note_context"
        assert json.loads(b64decode(message["body"]))[:2] == [["a"], {}]

    def test_each_task_is_registered_under_its_path(self):
        for each in (tasks.note, tasks.note_context, tasks.fail):
            backend.QueueBackend("default", {}).register(each)
            assert app.tasks[each.module_path].name == each.module_path

    def test_a_later_job_waits_in_the_schedule(self):
        tasks.note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue("a")
        ((job, due),) = client.connection().zrange(keys.SCHEDULE, 0, -1, withscores=True)
        assert job.startswith(b"default\n{")
        assert 3590 < due - client.connection().time()[0] < 3610
        assert not client.connection().exists("default")
