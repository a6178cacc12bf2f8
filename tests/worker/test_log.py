import io
import json
import logging
import os
import subprocess
import sys
import threading

import pytest

from worker import job, log
from worker.log import JsonFormatter, TextFormatter, Together


class Slow(io.StringIO):
    """A stream that tells when something was written, and how often."""

    def __init__(self):
        super().__init__()
        self.writes, self.written = 0, threading.Event()

    def write(self, text):
        self.writes += 1
        super().write(text)
        self.written.set()


@pytest.fixture
def stream():
    return Slow()


@pytest.fixture
def logger(stream):
    logger = logging.Logger("of this test")
    logger.addHandler(Together(stream))
    return logger


def test_lines_are_written_together(logger, stream):
    for number in range(100):
        logger.info("line %d", number)
    assert stream.written.wait(5)
    assert stream.getvalue().splitlines() == [f"line {number}" for number in range(100)]
    assert stream.writes <= 5


def test_a_process_of_web_writes_its_lines_together_with_all_else_that_was_done_to_them(stream):
    plain, root = log.Whole(stream), logging.getLogger()
    before = root.handlers[:]
    plain.setFormatter(logging.Formatter("it is %(message)s"))
    plain.addFilter(lambda record: "secret" not in record.getMessage())
    try:
        root.addHandler(plain)
        log.write_together()
        assert log.Whole not in map(type, root.handlers)
        for text in ("kept", "secret"):
            logging.getLogger("web").error(text)
        assert stream.getvalue() == "it is kept\n"
    finally:
        root.handlers[:] = before


def test_a_warning_is_written_at_once_with_all_that_came_before(logger, stream):
    logger.handlers[0].MOMENT = 60
    logger.info("before")
    assert stream.getvalue() == ""
    logger.warning("oh")
    assert stream.getvalue() == "before\noh\n"


def test_no_line_of_many_threads_is_missing_or_torn(logger, stream):
    """Whenever others are written, and wherever a thread is interrupted; and logging fails nowhere."""
    written, over, interval = [], threading.Event(), sys.getswitchinterval()

    def flush():
        while not over.is_set():
            logger.handlers[0].flush()

    def write(name):
        for number in range(500):
            logger.info("%s-%d", name, number)
        written.append(name)

    flusher = threading.Thread(target=flush)
    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    sys.setswitchinterval(1e-6)
    try:
        for each in (flusher, *threads):
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(interval)
        over.set()
        flusher.join()
    logger.handlers[0].flush()
    expected = {f"{name}-{number}" for name in range(8) for number in range(500)}
    assert sorted(written) == list(range(8))
    assert sorted(stream.getvalue().splitlines()) == sorted(expected)


def test_the_last_lines_of_a_process_are_written():
    script = """
import logging, sys
from worker import job, log
from worker.log import JsonFormatter, TextFormatter, Together
logging.root.addHandler(Together(sys.stdout))
logging.root.setLevel("INFO")
logging.info("the last line")
"""
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "the last line\n"


def test_a_child_writes_its_own_lines_and_not_those_of_its_parent():
    script = """
import logging, os, sys
from worker.log import Together
logging.root.addHandler(Together(sys.stdout))
logging.root.setLevel("INFO")
logging.info("parent")
if os.fork() == 0:
    logging.info("child")
    import time; time.sleep(1)
    os._exit(0)
os.wait()
"""
    lines = subprocess.check_output([sys.executable, "-W", "ignore", "-c", script], text=True).splitlines()
    assert sorted(lines) == ["child", "parent"]


@pytest.mark.parametrize("handler", ["Whole", "Together"])
def test_a_child_that_is_forked_in_the_middle_of_a_line_can_write(handler):
    script = f"""
import logging, os, signal, threading, time
from worker.log import {handler}
class Slow:
    lock, writes = threading.Lock(), threading.Event()
    def write(self, text):
        with self.lock:
            self.writes.set()
            time.sleep(0.5)
            os.write(1, text.encode())
logging.root.addHandler({handler}(Slow()))
threading.Thread(target=logging.warning, args=["parent"]).start()
Slow.writes.wait()
if os.fork() == 0:
    signal.alarm(20)
    logging.warning("child")
    os._exit(0)
os.wait()
"""
    lines = subprocess.check_output([sys.executable, "-W", "ignore", "-c", script], text=True).splitlines()
    assert lines == ["parent", "child"]


def test_a_line_that_cannot_be_formatted_ends_nothing(logger, stream, capsys):
    logger.info("%d", "no number")
    logger.warning("next")
    assert stream.getvalue() == "next\n"
    assert "no number" in capsys.readouterr().err


def test_half_a_character_costs_no_line(tmp_path):
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        logger = logging.Logger("of this test")
        logger.addHandler(Together(stream))
        for text in ("before", "half \ud800 and é", "after"):
            logger.info(text)
        logger.warning("now")
    assert (tmp_path / "log").read_text().splitlines() == ["before", "half \\ud800 and \\xe9", "after", "now"]


def test_a_line_tells_its_job_once():
    """In JSON as fields, where nobody has to take the text apart."""
    token = job.current.set(job.Running("tasks.count", "j-1", "low"))
    text = TextFormatter()
    try:
        line = text.format(logging.makeLogRecord({"msg": "skipped"}))
        assert line.endswith(": skipped [job=j-1 task=tasks.count queue=low attempt=1]")
        line = text.format(logging.makeLogRecord({"msg": "done tasks.count job=j-1"}))
        assert line.endswith(": done tasks.count job=j-1")
        line = json.loads(JsonFormatter().format(logging.makeLogRecord({"msg": "skipped"})))
        assert {name: line[name] for name in ("job", "task", "queue", "attempt", "message")} == {
            "job": "j-1", "task": "tasks.count", "queue": "low", "attempt": 1, "message": "skipped",
        }  # fmt: skip
    finally:
        job.current.reset(token)


def test_in_json_a_line_of_a_job_tells_its_request_and_how_long_it_runs():
    by = {"request": "r-1", "user": "alice", "user_id": "7"}
    running = job.Running("tasks.count", "j-1", "low", enqueued_by=by)
    running.started -= 2
    token = job.current.set(running)
    try:
        line = json.loads(JsonFormatter().format(logging.makeLogRecord({"msg": "done"})))
        assert job.enqueued_by() == {"job": "j-1", "request": "r-1", "user_id": "7"}
    finally:
        job.current.reset(token)
    assert (line["request"], line["user"]) == ("r-1", "7")
    assert 2 <= line["elapsed"] < 10


@pytest.mark.parametrize("by", ["alice", ["alice"], {"request": None}, None, 7])
def test_what_other_producers_say_of_themselves_breaks_no_line(by):
    running = job.Running("tasks.count", "j-1", "low", enqueued_by=by)
    assert running.request == {}


def test_in_json_a_job_that_enqueues_another_is_told_apart_from_it(caplog):
    token = job.current.set(job.Running("tasks.outer", "outer", "low"))
    try:
        with caplog.at_level("INFO", "worker"):
            log.enqueued("tasks.inner", "inner", "high", [], [], {})
        line = json.loads(JsonFormatter().format(caplog.records[-1]))
    finally:
        job.current.reset(token)
    found = {name: line[name] for name in ("job", "task", "queue", "attempt", "enqueued_by")}
    assert found == {"job": "inner", "task": "tasks.inner", "queue": "high", "attempt": 0, "enqueued_by": "outer"}


UNCAUGHT = """
import logging.config, sys, threading, warnings
from worker import log
logging.config.dictConfig(log.settings())
log.capture()
warnings.warn("careful")
for target in (sys.exit, lambda: 1 / 0):
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
log.say("from a handler")
raise ValueError("nobody\\nlistens")
"""


def test_in_json_every_line_is_json_also_of_what_python_prints_by_itself():
    run = subprocess.run(
        [sys.executable, "-c", UNCAUGHT], env=os.environ | {"LOG_FORMAT": "json"}, capture_output=True, text=True
    )
    warning, division, said, error = map(json.loads, run.stdout.splitlines())
    assert run.stderr == "" and run.returncode == 1
    assert "UserWarning: careful" in warning["message"]
    assert division["error"].endswith("ZeroDivisionError: division by zero")
    assert said["message"] == "from a handler"
    assert error["error"].endswith("ValueError: nobody\nlistens")
