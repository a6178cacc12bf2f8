"""What is reported to Sentry, by real workers to a real server."""

import signal
import socket

import pytest

from tests.envelopes import Sentry
from tests.servers import until
from worker import client, config, keys, sentry

NAME = "tests.worker.tasks"
ADDRESS = "alice@example.com"


@pytest.fixture
def reports():
    reports = Sentry()
    yield reports
    reports.stop()


@pytest.fixture
def hire(staff, reports):
    """Start a worker that reports."""

    def hire(**environment):
        told = {"SENTRY_DSN": reports.dsn, "SENTRY_TRACES_SAMPLE_RATE": "1", "HEROKU_RELEASE_VERSION": "v42"}
        return staff.start(4, **told | environment)

    return hire


def fail_twice_and_die(staff):
    id = staff.push("fail", ADDRESS)
    for attempt in (1, 2):
        until(lambda attempt=attempt: (staff.failure(id) or {}).get("attempt") == attempt, f"failure {attempt}")
        staff.hurry()
    until(lambda: staff.ids(keys.DEAD) == [id], "its death")
    return id


class TestErrors:
    def test_of_a_job_are_reported_once_when_it_is_dead(self, staff, hire, reports):
        worker = hire()
        id = fail_twice_and_die(staff)
        worker.end()
        (event,) = reports.errors("ValueError")
        assert event["release"] == "v42"
        assert event["tags"]["job"] == id
        assert (event["tags"]["queue"], event["tags"]["task"]) == ("default", f"{NAME}.fail")
        assert int(event["tags"]["attempt"]) == 3
        assert len(reports.items("event")) == 1
        assert ADDRESS not in reports.text()

    def test_are_reported_each_time_where_that_is_asked_for(self, staff, hire, reports):
        worker = hire(SENTRY_REPORT_RETRIES="1")
        id = fail_twice_and_die(staff)
        worker.end()
        events = reports.errors("ValueError")
        assert [(event["tags"]["job"], int(event["tags"]["attempt"])) for event in events] == [
            (id, 1),
            (id, 2),
            (id, 3),
        ]
        assert ADDRESS not in reports.text()

    def test_of_every_kind_of_death_are_reported_once(self, staff, hire, reports):
        """What gives up, what somebody stops, what nobody knows or can read, and what takes its worker along."""
        worker = hire()
        stopped = staff.push("spin", "endless")
        died = {
            ("Hopeless", stopped, "default"),
            ("Hopeless", staff.push("despair", ADDRESS, queue="mailers"), "mailers"),
            ("Unreadable", staff.push("unknown", ADDRESS), "default"),
        }
        staff.redis.lpush("default", "no message")
        staff.hear("endless spins")
        (process,) = staff.redis.scan_iter("process:*")
        staff.redis.rpush(process.replace(b"process:", b"signals:"), f"stop-job {stopped}")
        until(lambda: len(staff.ids(keys.DEAD)) == 4, "four deaths")
        (unread,) = set(staff.ids(keys.DEAD)) - {id for _, id, _ in died}
        died |= {("Unreadable", unread, "default"), ("HardTimeLimit", staff.push("overrun", ADDRESS, 60), "default")}
        worker.wait(60)
        events = [(each["exception"]["values"][-1]["type"], each["tags"]) for each in reports.items("event")]
        assert sorted((kind, tags["job"], tags["queue"]) for kind, tags in events) == sorted(died)
        assert ADDRESS not in reports.text()

    @pytest.mark.parametrize("backend, times", [("immediate", 1), ("thread", 0)])
    def test_of_the_backends_without_a_queue_are_reported_when_the_job_is_not_tried_again(
        self, staff, reports, backend, times
    ):
        text = f"fail.enqueue('{ADDRESS}')\nwhile not ran: time.sleep(0.01)\ntime.sleep(0.2)"
        python(staff, text, SENTRY_DSN=reports.dsn, TASK_BACKEND=backend)
        assert len(reports.errors("ValueError")) == len(reports.items("event")) == times
        assert ADDRESS not in reports.text()

    def test_of_a_poisoned_job_are_reported_with_its_trace(self, staff, reports):
        run = python(staff, POISON, SENTRY_DSN=reports.dsn)
        trace, id = run.log().split()[-2:]
        (event,) = reports.errors("Poison")
        assert (event["tags"]["job"], event["contexts"]["trace"]["trace_id"]) == (id, trace)


POISON = """
import sentry_sdk
from worker import celery, client, keys, reaper
from worker.heartbeat import Heartbeat
from worker.process import Process
client.outbox = None
with sentry_sdk.start_transaction(name="the request") as request:
    id = client.push("tasks.kill", ["a"])
for _ in range(reaper.POISON):
    victim = Process({"default": 1}, 1)
    Heartbeat(victim).beat(join=True)
    victim.fetch(["default"])
    victim.client.zadd(keys.PROCESSES, {victim.id: 1})
    reaper.Reaper().bury(victim.id, victim.scripts)
print(request.trace_id, id)
"""

ENQUEUE = """
import sentry_sdk
from celery import chain
from django.utils import timezone
from worker import client, outbox
with sentry_sdk.start_transaction(name="the request") as request:
    note.enqueue("django")
    echo.delay("celery")
    echo.apply_async(("later",), countdown=1)
    chain(echo.si("first"), echo.si("second")).delay()
    client.push("tests.worker.tasks.echo", ["scheduled"], seconds=1)
    add_when_asked_again.delay(1, 2)
    id, content = client.message("tests.worker.tasks.echo", ["relayed"])
    outbox.write([client.Entry(id, "default", [content])])
from worker.models import Outbox
Outbox.objects.update(created_at=timezone.now() - timezone.timedelta(seconds=60))
client.push("tests.worker.tasks.hold", ["alone"])
print("trace", request.trace_id)
"""


def python(staff, text, **environment):
    program = f"import django\ndjango.setup()\nfrom {NAME} import *\n{text}"
    run = staff.run(["python", "-c", program], environment)
    assert run.wait(60) == 0, run.log()
    return run


def test_a_job_continues_the_trace_of_what_enqueued_it_however_it_came(staff, hire, reports):
    worker = hire()
    run = python(staff, ENQUEUE, SENTRY_DSN=reports.dsn, SENTRY_TRACES_SAMPLE_RATE="1")
    for word in ("celery", "later", "first", "second", "scheduled", "relayed"):
        staff.hear(word)
    staff.let("alone")
    until(lambda: len(staff.ids(keys.RETRY)) == 1, "the retry")
    staff.hurry()
    staff.hear("alone ended")
    until(lambda: staff.ledger("done") == 9, "the end of all")
    worker.end()
    traces = {}
    for each in reports.items("transaction"):
        traces.setdefault(each["transaction"], []).append(each["contexts"]["trace"]["trace_id"])
    (alone,) = traces.pop(f"{NAME}.hold")
    (trace,) = {trace for found in traces.values() for trace in found}
    assert trace in run.log()
    assert alone != trace
    assert {name: len(found) for name, found in traces.items()} == {
        "the request": 1, f"{NAME}.note": 1, f"{NAME}.echo": 6, f"{NAME}.add_when_asked_again": 2,
    }  # fmt: skip


@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "refuses"])
def test_without_its_server_jobs_run_and_fail_as_ever(staff, hire, hangs):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if hangs:
            deaf.listen(1)
        worker = hire(SENTRY_DSN=f"http://key@127.0.0.1:{deaf.getsockname()[1]}/1")
        failed = [staff.push("fail_at_once", str(number)) for number in range(50)]
        for number in range(50):
            staff.push("echo", f"word {number}")
        until(lambda: len(staff.said()) == 50 and set(staff.ids(keys.DEAD)) == set(failed), "every job")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    lines = [line for line in worker.log().splitlines() if "Sentry does not" in line or "urllib3" in line]
    assert len(lines) == 1, lines


FORK = """
import os, signal, socket, sys, time
import sentry_sdk
class Slowly:
    def find_spec(name, path, target=None):
        if name == "encodings.idna":
            asked.set()
            time.sleep(0.5)
asked = threading.Event()
assert "encodings.idna" not in sys.modules
sys.meta_path.insert(0, Slowly)
sentry_sdk.capture_message("what the parent reports")
assert asked.wait(10)
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
else:
    signal.alarm(20)
    socket.getaddrinfo("127.0.0.1", 80)
    os._exit(0)
"""


def test_a_process_forked_while_its_parent_reports_can_connect(staff, reports):
    """As a process of web that takes the place of one that ran out of memory."""
    python(staff, FORK, SENTRY_DSN=reports.dsn)
    (event,) = reports.items("event")
    assert event["message"] == "what the parent reports"


def test_no_header_is_added_where_nothing_is_reported():
    assert config.SENTRY_DSN == ""
    _, content = client.message("tasks.add")
    assert b"sentry" not in content and b"baggage" not in content


@pytest.mark.parametrize("text, sent", [
    (f"550 no such user <{ADDRESS}>", "550 no such user <***>"),
    ("redis://user:hunter2@host:6379/0 is away", "*** is away"),
    ('duplicate key\nDETAIL:  Key (username)=(alice) already exists.', "duplicate key\nDETAIL: ***"),
    ("@task(queue_name=1)", "@task(queue_name=1)"),
])  # fmt: skip
def test_addresses_and_rows_are_taken_out_of_every_text(text, sent):
    event = {"exception": {"values": [{"type": "Error", "value": text}]}}
    assert sentry.scrubbed(event, {})["exception"]["values"][0]["value"] == sent


def test_of_a_line_of_the_log_only_the_form_is_sent():
    entry = {"message": "no mail for %s", "formatted": "no mail for alice", "params": ["alice"]}
    assert sentry.scrubbed({"logentry": entry}, {})["logentry"] == {"message": "no mail for %s"}
