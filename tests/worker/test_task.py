"""The short way past Celery's publishing: which calls take it, and that nobody can tell from what they come to."""

import functools

import celery
import pytest
from celery import signals
from kombu.exceptions import OperationalError

from worker import engine, message

pytestmark = pytest.mark.usefixtures("no_outbox")


@pytest.fixture
def app(redis):
    app = celery.Celery("short", set_as_current=False)
    engine.install(app)
    return app


@pytest.fixture
def work(app):
    @app.task(shared=False, name="short.work")
    def work(number, name="bob"):
        pass

    return work


def nothing():
    pass


def sent(redis, queue="default"):
    """(headers, args, kwargs, whether it took the short way) of the only job of a queue."""
    (content,) = redis.lrange(queue, 0, -1)
    headers, _, args, kwargs, _ = message.decoded(content)
    return headers, args, kwargs, headers["origin"] == ""


def test_a_plain_call_takes_it(redis, work, caplog):
    result = work.delay(5, name="ann")
    headers, args, kwargs, short = sent(redis)
    assert short
    assert (headers["id"], headers["task"], args, kwargs) == (result.id, work.name, [5], {"name": "ann"})
    assert isinstance(result, celery.result.AsyncResult)
    assert result.ignored is True
    assert f"enqueued short.work job={result.id} queue=default number=5 name='ann'" in caplog.text


def test_so_does_that_of_a_task_with_a_queue(redis, app):
    app.task(shared=False, name="short.high", queue="high")(nothing).apply_async()
    assert sent(redis, "high")[3]


def test_what_celery_publishes_is_logged_in_the_same_words(redis, work, caplog):
    result = work.apply_async((5,), {"name": "ann"}, expires=60)
    assert not sent(redis)[3]
    assert f"enqueued short.work job={result.id} queue=default" in caplog.text


def test_what_only_others_can_read_is_enqueued_for_them(redis, work):
    work.apply_async((5,), serializer="pickle")
    assert redis.llen("default") == 1


@pytest.mark.parametrize("option", ["expires", "time_limit", "priority"])
def test_a_call_with_an_option_goes_celery_s_way(redis, work, option):
    work.apply_async((5,), **{option: 9})
    assert not sent(redis)[3]


@pytest.mark.parametrize(
    "policy",
    [{"time_limit": 9}, {"expires": 9}, {"ignore_result": False}, {"compression": "zlib"}, {"priority": 1}],
)
def test_a_task_that_says_more_of_itself_goes_celery_s_way(redis, app, policy):
    app.task(shared=False, name="short.more", **policy)(nothing).delay()
    assert not sent(redis)[3]


def test_a_task_with_a_name_for_logs_goes_celery_s_way(redis, app):
    class Named(app.Task):
        def shadow_name(self, args, kwargs, options):
            return "somebody else"

    app.task(shared=False, name="short.named", base=Named)(nothing).delay()
    headers, _, _, short = sent(redis)
    assert (headers["shadow"], short) == ("somebody else", False)


def test_an_app_with_routes_goes_celery_s_way(redis, app, work):
    app.conf.task_routes = {"short.*": {"queue": "routed"}}
    work.delay(5)
    assert not sent(redis, "routed")[3]


@pytest.mark.parametrize("signal", [signals.before_task_publish, signals.after_task_publish])
def test_who_listens_hears_of_it(redis, work, signal):
    heard = []

    def listen(sender, headers, **_):
        heard.append((sender, headers["id"]))

    signal.connect(listen)
    try:
        result = work.delay(5)
    finally:
        signal.disconnect(listen)
    assert heard == [(work.name, result.id)]


def test_what_is_put_around_celery_s_method_is_called(redis, work, monkeypatch):
    """As Sentry does, and other tools that trace."""
    called, stock = [], celery.Task.apply_async

    @functools.wraps(stock)
    def around(self, *args, **options):
        called.append(self.name)
        return stock(self, *args, **options)

    monkeypatch.setattr(celery.Task, "apply_async", around)
    work.delay(5)
    assert called == [work.name]


def test_within_a_job_its_parent_is_named(redis, app, work):
    @app.task(shared=False, name="short.outer", bind=True)
    def outer(self):
        work.delay(5)

    outer.push_request(id="outer", root_id="root", called_directly=False, children=[])
    celery._state._task_stack.push(outer)
    try:
        work.delay(5)
    finally:
        celery._state._task_stack.pop()
        outer.pop_request()
    headers, _, _, short = sent(redis)
    assert (headers["parent_id"], headers["root_id"], short) == ("outer", "root", False)


def test_an_eager_app_runs_it(redis, app):
    ran = []

    @app.task(shared=False, name="short.eager")
    def task(number):
        ran.append(number)

    app.conf.task_always_eager = True
    task.delay(5)
    assert (ran, redis.dbsize()) == ([5], 0)


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"other": 1}), ((object(),), {})])
def test_a_call_that_does_not_fit_is_refused(redis, work, args, kwargs):
    with pytest.raises(TypeError):
        work.apply_async(args, kwargs)
    assert redis.dbsize() == 0


def test_arguments_that_are_no_list_are_refused(redis, work):
    with pytest.raises(TypeError):
        work.apply_async("5")
    assert redis.dbsize() == 0


def test_without_redis_and_outbox_it_fails_as_celery_does(work, server):
    work.delay(5)
    server.stop()
    with pytest.raises(OperationalError):
        work.delay(5)
