"""`python -m infra.pulse`, beside a heart that beats or has stopped."""

import os
import re
import subprocess
import sys

import pytest

from tests.servers import ROOT, free_port
from worker import keys
from worker.connection import connect
from worker.heartbeat import Heartbeat
from worker.process import HOST, Process
from worker.reaper import SILENCE


@pytest.fixture
def process():
    """A worker that has joined, and does nothing on its own."""
    redis = connect()
    redis.flushdb()
    process = Process({"default": 1}, threads=1)
    Heartbeat(process).beat(join=True)
    yield process
    redis.flushdb()


def pulse(**environment):
    command = [sys.executable, "-m", "infra.pulse"]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def age(process, seconds):
    process.client.zincrby(keys.PROCESSES, -seconds, process.id)


def test_it_fails_when_the_last_sign_of_life_is_as_old_as_that_of_the_dead(process):
    assert pulse() == (0, "")
    age(process, SILENCE)
    code, told = pulse()
    assert code == 1
    assert re.fullmatch(rf"the last sign of life of the worker on {HOST} is \d+ s old\n", told)


def test_of_workers_that_ran_on_this_host_the_last_one_counts(process):
    age(process, 60)
    process.rename()
    Heartbeat(process).beat(join=True)
    assert pulse() == (0, "")


def test_a_worker_on_another_host_counts_for_nothing(process):
    assert pulse(DYNO="worker.7") == (1, "no worker on worker.7 has given a sign of life\n")


def test_that_redis_is_away_is_not_held_against_the_worker():
    code, told = pulse(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert code == 0
    assert told.startswith("Redis does not answer, so nothing is known of the worker: ")


def test_celerys_own_engine_has_no_pulse(process):
    code, told = pulse(WORKER_ENGINE="celery", DYNO="worker.7")
    assert (code, told[:19]) == (0, "Celery's own engine")
