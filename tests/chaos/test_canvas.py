"""What Celery offers beside single jobs works on this engine, failures included."""

import subprocess

from tests.servers import ROOT, until
from worker import keys


def promote_retries(crew):
    for job in crew.redis.zrange(keys.RETRY, 0, -1):
        crew.redis.zadd(keys.RETRY, {job: 0})


def done(crew, expected):
    def enough():
        promote_retries(crew)
        return sorted(crew.ran()) == sorted(expected)

    until(enough, f"{expected}, not {crew.ran()}", 60)


def test_canvas_retry_replace_and_send_task(crew):
    crew.start()
    crew.script("ask_again.delay(5); replace.delay(6)")
    crew.script("from celery import chain; chain(add.s(1, 2), add_later.s(10), end.s()).delay()")
    crew.script("from celery import group; group(run.s(7), run.s(8)).delay(); run.apply_async((9,), countdown=1)")
    crew.script("from worker.celery import app; app.send_task('tests.chaos.tasks.run', (10,))")
    done(crew, [5, 6, 13, 7, 8, 9, 10])


def test_a_retry_with_other_arguments_runs_once_for_each(crew):
    crew.start()
    crew.script("count_down.delay(3)")
    done(crew, [3, 2, 1, 0])
    until(lambda: not crew.redis.exists(keys.RETRY, keys.SCHEDULE, "default"), "nothing left to run")
    assert crew.ran() == [3, 2, 1, 0]


def test_an_errback_is_called_once_when_there_are_no_attempts_left(crew):
    crew.start()
    crew.script("fail.apply_async((9,), link_error=note_error.s())")
    until(lambda: crew.journal.numbers("error") == [9], "the errback")
    until(lambda: crew.redis.zcard(keys.DEAD) == 1, "the dead job")
    assert crew.journal.numbers("error") == [9]


def test_celerys_own_command_enqueues_too(crew):
    crew.start()
    command = ["celery", "-A", "worker", "call", "tests.chaos.tasks.run", "--args", "[1]"]
    subprocess.run(command, cwd=ROOT, env=crew.environment, check=True, stdout=subprocess.DEVNULL)
    until(lambda: crew.ran() == [1], "the job")
