"""The short way past Celery's tracer: who takes it, and that nobody can tell from what comes out."""

import traceback

import celery
import pytest
from celery import signals
from celery.app import trace
from celery.exceptions import Ignore, Reject
from celery.states import FAILURE, IGNORED, REJECTED, RETRY

from worker import job
from worker.job import Hopeless
from worker.task import EngineTask
from worker.tracer import SIGNALS, Tracer


@pytest.fixture
def app(monkeypatch):
    for signal in SIGNALS:  # other tests had workers in this process
        monkeypatch.setattr(signal, "receivers", [])
    app = celery.Celery("tracer", task_cls=EngineTask, set_as_current=False)
    app.conf.task_ignore_result = True
    return app


@pytest.fixture
def heard():
    """The signals that were sent, by name; of what ends well nothing is listened to, that would be a reason for it."""
    found = []

    def retried(request, reason, **_):
        found.append(("retry", request.id, reason.exc))

    def failed(task_id, exception, **_):
        found.append(("failure", task_id, exception))

    signals.task_retry.connect(retried)
    signals.task_failure.connect(failed)
    yield found
    signals.task_retry.disconnect(retried)
    signals.task_failure.disconnect(failed)


class Way:
    """A tracer that notes whether it was Celery's that ran the job."""

    def __init__(self, app, task):
        self.tracer, self.long = Tracer(app, app.tasks[task.name], "a-process"), 0
        self.celerys, self.tracer.celerys = self.tracer.celerys, self.traced

    def traced(self, *args):
        self.long += 1
        return self.celerys(*args)

    def run(self, *args, **request):
        running = job.Running(self.tracer.task.name, "an-id", "default")
        token = job.current.set(running)
        try:
            return self.tracer.call(
                running, {"id": "an-id", "args": args, "kwargs": {}, "retries": 0, "is_eager": False} | request
            )
        finally:
            job.current.reset(token)
            assert running.raised is None


def test_a_job_of_which_nobody_wants_to_hear_takes_the_short_way(app):
    ran = []

    @app.task(shared=False, bind=True)
    def note(self, number):
        ran.append((number, self.request.id, celery.current_task.name, self.request.called_directly))

    way = Way(app, note)
    assert way.run(7) is None
    assert way.long == 0
    assert ran == [(7, "an-id", note.name, False)]
    assert note.request_stack.top is None
    assert not celery.current_task


def nothing():
    pass


def hook(name):
    """A base class of tasks with this method."""
    return type("Base", (EngineTask,), {name: lambda self, *args, **kwargs: None, "abstract": True})


@pytest.mark.parametrize("name", ["before_start", "on_success", "after_return", "__call__"])
def test_a_task_with_a_hook_takes_the_long_way(app, name):
    way = Way(app, app.task(shared=False, base=hook(name))(nothing))
    way.run()
    assert way.long == 1


@pytest.mark.parametrize(
    "request_",
    [
        {"ignore_result": False},
        {"chord": {"task": "tasks.total"}},
    ],
    ids=str,
)
def test_a_job_of_which_something_is_kept_takes_the_long_way(app, request_):
    app.conf.result_backend = "cache+memory://"
    way = Way(app, app.task(shared=False)(nothing))
    way.run(**request_)
    assert way.long == 1


@pytest.mark.parametrize(
    "signal", [signals.task_prerun, signals.task_postrun, signals.task_success], ids=lambda each: each.name
)
def test_a_job_takes_the_long_way_while_somebody_listens(app, signal):
    told, way = [], Way(app, app.task(shared=False)(nothing))

    def listen(**_):
        told.append(1)

    signal.connect(listen)
    way.run()
    signal.disconnect(listen)
    assert (told, way.long) == ([1], 1)
    way.run()
    assert (told, way.long) == ([1], 1)


def test_who_takes_the_place_of_celerys_tracer_sees_every_job(app, monkeypatch):
    """As Sentry does."""
    real, seen = trace.build_tracer, []

    def theirs(name, task, *args, **kwargs):
        traced = real(name, task, *args, **kwargs)
        return lambda *args: seen.append(name) or traced(*args)

    monkeypatch.setattr(trace, "build_tracer", theirs)
    way = Way(app, app.task(shared=False)(nothing))
    way.run()
    assert len(seen) == way.long == 1


class TestErrors:
    """A task runs once, whatever it raises, and what comes out is what Celery makes of it."""

    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (ZeroDivisionError("by 0"), RETRY),
            (Hopeless("no"), FAILURE),
            (Ignore("not now"), IGNORED),
            (Reject("not here"), REJECTED),
            (SystemExit(3), RETRY),
            (MemoryError(), RETRY),
        ],
        ids=lambda each: each if isinstance(each, str) else type(each).__name__,
    )
    def test_is_what_celery_makes_of_them(self, app, error, state, heard):
        ran = []

        @app.task(shared=False, name="fails")
        def fails():
            ran.append(1)
            raise error

        way = Way(app, fails)
        info = way.run()
        assert info.state == state
        assert ran == [1]
        assert way.long == 1
        assert [name for name, *_ in heard] == {RETRY: ["retry"], FAILURE: ["failure"]}.get(state, [])

    def test_the_last_failure_calls_errbacks_and_keeps_its_traceback(self, app, heard):
        app.conf.task_always_eager = True
        told = []

        @app.task(shared=False, name="told")
        def note(id):
            told.append(id)

        @app.task(shared=False, max_retries=2, name="fails")
        def fails():
            return 1 / 0

        way = Way(app, fails)
        assert way.run(retries=1, errbacks=[note.s()]).state == RETRY
        assert told == []
        info = way.run(retries=2, errbacks=[note.s()])
        assert info.state == FAILURE
        assert isinstance(info.retval, ZeroDivisionError)
        assert told == ["an-id"]
        assert [name for name, *_ in heard] == ["retry", "failure"]
        assert traceback.extract_tb(info.retval.__traceback__)[-1].name == "fails"

    def test_leaves_nothing_behind_for_the_next_job(self, app):
        @app.task(shared=False, max_retries=0)
        def fails(number):
            if number:
                raise ValueError(number)

        way = Way(app, fails)
        assert way.run(1).state == FAILURE
        assert way.run(0) is None
        assert fails.request_stack.top is None
