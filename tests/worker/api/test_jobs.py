"""`manage.py jobs`, in both its forms."""

import json
from io import StringIO

import pytest
from celery import shared_task
from django.core.management import CommandError, call_command

from tests.worker import tasks
from tests.worker.api.conftest import Worker
from worker import api, celery, client, config, keys
from worker.api import connection
from worker.management import tables


@pytest.fixture(autouse=True)
def a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


TABLES = ("stats", "queues", "processes", "scheduled", "retries", "dead", "periodic")


def jobs(*arguments):
    """What `manage.py jobs …` prints."""
    out = StringIO()
    call_command("jobs", *arguments, stdout=out)
    text = out.getvalue()
    assert arguments[0] not in TABLES or "--json" in arguments or max(map(len, text.splitlines())) <= 80
    return text


def data(*arguments):
    return json.loads(jobs(*arguments, "--json"))


@pytest.mark.parametrize(
    "action, text",
    [
        ("processes", "No worker is alive: celery -A worker worker"),
        ("scheduled", "No job is scheduled."),
        ("retries", "No job is retrying."),
        ("dead", "No job is dead."),
    ],
)
def test_what_is_empty_says_so(redis, action, text):
    assert jobs(action) == f"{text}\n"


def test_stats_name_each_place_and_what_it_means(worker, retry, push):
    retry(2), push(1)
    text = jobs("stats")
    assert "Attempts that ended: 2, of which 2 failed. Workers that are alive: 1." in text
    assert f"waiting         1  {api.Queue.state.meaning}" in text
    assert "retrying        2" in text and "accepted        3" in text
    found = data("stats")
    assert (found["processed"], found["waiting"], found["processes"]) == (2, 1, 1)
    assert found["ledger"] == api.ledger()._asdict()


def test_queues_are_aligned(redis, worker, push):
    push(1)
    redis.lpush("a queue of somebody", *range(1200))
    api.Queue("mailers").pause()
    assert jobs("queues").splitlines() == [
        "QUEUE                 JOBS  OLDEST  LISTENERS  STATE",
        "a queue of somebody  1,200  —               0  nobody listens",
        "default                  1  0 s             1",
        "mailers                  0  —               1  paused",
    ]
    found = {each["name"]: each for each in data("queues")}
    assert found["mailers"]["paused"] and found["a queue of somebody"]["unheard"]


def test_processes(worker):
    text = jobs("processes")
    assert worker.process.id in text and "0/50" in text and "working" in text and "queues default, mailers" in text
    (found,) = data("processes")
    assert (found["id"], found["concurrency"], found["alive"]) == (worker.process.id, 50, True)


def test_retries_with_their_errors(redis, retry):
    (id,) = retry(error="smtplib.SMTPException", message="450 try\nlater", attempt=3)
    redis.zincrby(keys.RETRY, 300_000, redis.zrange(keys.RETRY, 0, 0)[0])
    assert jobs("retries").splitlines() == [
        "ID                                    QUEUE    DUE     FAILURES",
        f"{id}  default  in 3 d         3",
        "  tasks.count argument 1=0",
        "  smtplib.SMTPException: 450 try later",
    ]
    found = data("retries")
    assert found["total"] == 1
    (job,) = found["jobs"]
    assert (job["id"], job["state"], job["attempt"]) == (id, "retrying", 3)
    assert job["backtrace"].startswith("Traceback") and job["place"]["key"] == "retry"


def test_the_dead_page_by_page(bury):
    ids = bury(30)
    first, second = jobs("dead"), jobs("dead", "--page", "2")
    assert ids[29] in first and ids[4] not in first and "Page 1 of 2, 30 in all: --page N" in first
    assert ids[0] in second and ids[29] not in second
    assert [job["id"] for job in data("dead", "--page", "2")["jobs"]] == ids[4::-1]


def test_secrets_are_hidden_in_both_forms(redis):
    client.push("web.nothing", [], {"user_id": 1, "password": "hunter2", "nested": {"token": "hunter2"}}, seconds=60)
    for text in (jobs("scheduled"), jobs("scheduled", "--json")):
        assert "hunter2" not in text and "password=***" in text and "user_id=1" in text


def test_secrets_without_a_keyword_are_hidden_by_the_names_of_the_task_s_parameters(redis):
    @shared_task(name="tests.sign_in")
    def sign_in(user_id, password):
        pass

    client.push("tests.sign_in", [1, "hunter2"], seconds=60)
    assert "tests.sign_in user_id=1 password=***" in jobs("scheduled")
    celery.app.tasks.pop("tests.sign_in")


def test_garbage_is_shown_without_its_contents_and_gives_no_orders_to_the_terminal(redis):
    redis.zadd(keys.DEAD, {b"an odd\x1b[2J\x07 queue\n\xff password": 1_000_000_000})
    text = jobs("dead")
    assert "  an odd [2J  " in text and "cannot be read (10 bytes)" in text
    assert "password" not in text and not set("\x1b\x07") & set(text)
    assert data("dead")["jobs"][0]["task"] is None


def test_periodic(redis):
    @celery.app.task(name="tests.hourly", every=3600)
    def hourly():
        pass

    hourly.name  # noqa: B018 - tasks are made when they are looked at
    try:
        api.pause_periodic("tests.hourly")
        (line,) = [line for line in jobs("periodic").splitlines() if line.startswith("tests.hourly ")]
        assert line.split("  ")[1:] and "every 3600 s" in line and line.endswith("paused")
        assert "tests.hourly" in [each["name"] for each in data("periodic")]
    finally:
        celery.app.tasks.pop("tests.hourly")


def test_check_ends_with_1_when_something_is_wrong(redis, push):
    with pytest.raises(SystemExit, match="1"):
        jobs("check")
    Worker()
    assert jobs("check") == "All is well.\n"
    assert data("check") == []
    redis.lpush("theirs", "x")
    out = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("jobs", "check", stdout=out)
    assert out.getvalue().splitlines() == [
        "no worker listens to the queue 'theirs', with 1 job waiting",
        "  celery -A worker worker -Q theirs",
    ]


def test_what_only_could_not_be_seen_is_no_failure(redis, monkeypatch):
    monkeypatch.setattr(config, "ENGINE", "celery")
    assert "could not be seen" in jobs("check")


def test_retry_runs_a_job_now_wherever_it_waits(redis, push, retry, bury):
    (failed,), (died,), later = retry(), bury(), push(1, seconds=60)
    for id in (failed, died, later):
        assert jobs("retry", id) == f"Job {id} moved to its queue default.\n"
    assert redis.llen("default") == 3
    with pytest.raises(CommandError, match=f"Job {failed} is waiting, and retry is for jobs that are scheduled or "):
        jobs("retry", failed)


def test_retry_all_of_a_set(redis, retry, bury):
    retry(3), bury(2)
    assert jobs("retry", "--all") == "3 jobs moved from retries to their queues.\n"
    assert (redis.llen("default"), api.dead.size()) == (3, 2)
    assert jobs("retry", "--all", "dead") == "2 jobs moved from dead to their queues.\n"
    assert jobs("retry", "--all", "dead") == "0 jobs moved from dead to their queues.\n"


def test_kill_and_delete(redis, push, retry):
    (failed,), waits = retry(), push(1)
    assert jobs("kill", failed) == f"Job {failed} moved to dead.\n"
    assert jobs("delete", failed) == f"Job {failed} deleted.\n"
    with pytest.raises(CommandError, match=f"Job {waits} is waiting, and kill is for jobs that are scheduled or retry"):
        jobs("kill", waits)
    assert jobs("delete", waits) == f"Job {waits} deleted.\n"
    assert not redis.exists(keys.DEAD, "default", keys.ATTEMPTS)


def test_a_job_that_runs_is_to_be_stopped_not_deleted(redis, worker, push):
    id = push(1)
    worker.fetch()
    with pytest.raises(CommandError, match=f"Job {id} is running, .*: use stop-job {id}"):
        jobs("delete", id)
    assert jobs("stop-job", id).startswith(f"Told {worker.process.id} to end job {id}")
    assert redis.lrange(keys.signals(worker.process.id), 0, -1) == [b"stop-job " + id.encode()]


@pytest.mark.parametrize("action", ["retry", "kill", "delete"])
def test_an_unknown_job_says_where_was_looked(redis, retry, action):
    retry(2)
    with pytest.raises(CommandError, match="There is no job x: looked at .*, 2 of 2 in retry, 0 of 0 in dead"):
        jobs(action, "x")


@pytest.mark.parametrize("action, order", [("quiet", "take no more jobs"), ("stop", "stop")])
def test_quiet_and_stop_for_one_or_all(redis, worker, action, order):
    id = worker.process.id
    assert jobs(action, id) == jobs(action, "--all") == f"Told {id} to {order}: within 5 s.\n"
    assert redis.lrange(keys.signals(id), 0, -1) == [action.encode()] * 2
    with pytest.raises(CommandError, match=f"There is no process ghost: registered are {id}"):
        jobs(action, "ghost")
    with pytest.raises(CommandError, match="one of the arguments PROCESS --all is required"):
        jobs(action)


def test_nobody_can_be_told(redis):
    with pytest.raises(CommandError, match="No worker is alive"):
        jobs("stop", "--all")
    with pytest.raises(CommandError, match="There is no job x that runs"):
        jobs("stop-job", "x")


def test_pause_and_resume(redis):
    assert jobs("pause", "default") == "Queue default is paused: no more jobs are taken from it.\n"
    assert redis.smembers(keys.PAUSED) == {b"default"}
    assert jobs("resume", "default") == "Queue default is open.\n"
    assert not redis.exists(keys.PAUSED)
    with pytest.raises(CommandError, match="No queue is called 'defalut': there are default, mailers"):
        jobs("pause", "defalut")


@pytest.fixture
def ran():
    tasks.ran.clear()
    return tasks.ran


@pytest.mark.django_db(transaction=True)
def test_enqueue_a_task_of_django(redis, ran):
    assert jobs("enqueue", "tests.worker.tasks.note", '{"word": "a", "times": 2}').startswith("Enqueued tests.worker")
    jobs("enqueue", "tests.worker.tasks.note", '["b"]')
    assert ran == [("a", 2), ("b", 1)]


@pytest.mark.django_db(transaction=True)
def test_enqueue_a_task_of_celery(redis):
    text = jobs("enqueue", "tests.worker.tasks.shared_note", '["a"]')
    (job,) = api.Queue("default").page().jobs
    assert text == f"Enqueued tests.worker.tasks.shared_note as job {job.id}.\n"
    assert (job.task, job.args) == ("tests.worker.tasks.shared_note", ["a"])


@pytest.mark.parametrize(
    "task, arguments, error",
    [
        ("tests.worker.tasks.note", "{", r"'{' is not JSON, .*: write '{\"name\": 1}' or '\[1\]'"),
        ("tests.worker.tasks.note", "5", r"'5' is neither a JSON object nor a list"),
        ("tests.worker.tasks.note", "{}", "note cannot be called like this: missing a required argument: 'word'"),
        ("tests.worker.tasks.note", '{"word": NaN}', "word=nan, a float, which JSON cannot hold"),
        ("tests.worker.tasks.shared_note", "[1, 2]", "shared_note cannot be called like this: too many positional"),
        ("tests.worker.tasks.nothing", "{}", "No task is called 'tests.worker.tasks.nothing'"),
        ("os.getcwd", "{}", "No task is called 'os.getcwd': give its dotted path"),
        ("nothing", "{}", "No task is called 'nothing'"),
        ("tests.worker.tasks.shared_noet", "{}", "did you mean tests.worker.tasks.shared_note"),
    ],
)
def test_what_cannot_be_enqueued(redis, ran, task, arguments, error):
    with pytest.raises(CommandError, match=error):
        jobs("enqueue", task, arguments)
    assert ran == [] and not redis.exists("default")


@pytest.mark.parametrize("action", [["stats"], ["dead", "--json"], ["retry", "x"], ["pause", "default"], ["check"]])
def test_redis_that_is_away_is_one_sentence(monkeypatch, action):
    monkeypatch.setattr(config, "REDIS_URL", "redis://user:hunter2@127.0.0.1:1/0")
    for cached in (connection.connection, connection.scripts):
        cached.cache_clear()
    try:
        with pytest.raises(CommandError, match=r"Redis at redis://user:\*\*\*@127.0.0.1:1/0 did not do it: .*refused"):
            jobs(*action)
    finally:
        for cached in (connection.connection, connection.scripts):
            cached.cache_clear()


def test_a_table_fits_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    text = tables.table(("NAME", "COUNT", "TEXT"), [("a name that is long", 1234, "x" * 40, "y" * 40), ("b", 5, None)])
    assert text.splitlines() == [
        "NAME                 COUNT  TEXT",
        "a name that is long  1,234  xxxxxxx…",
        "  yyyyyyyyyyyyyyyyyyyyyyyyyyy…",
        "b                        5  —",
    ]


@pytest.mark.parametrize(
    "seconds, text",
    [(None, None), (0.2, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_times_are_told_in_their_largest_unit(seconds, text):
    assert tables.span(seconds) == text
