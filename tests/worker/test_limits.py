import json
import random
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from uuid import uuid4

import celery
import pytest

from tests.servers import until
from worker import client, job, keys, limits, message
from worker.task import Ended, EngineTask


@pytest.fixture
def running():
    running = job.Running("tasks.spin", "id", "default")
    token = job.current.set(running)
    yield running
    job.current.reset(token)


class Spinner(threading.Thread):
    """A thread whose job runs Python code until it is interrupted."""

    def __init__(self, running, within=lambda: None):
        super().__init__(daemon=True)
        self.running, self.within, self.begun, self.outcome = running, within, threading.Event(), None
        self.start()

    def run(self):
        limits.arm(self.running)
        try:
            self.begun.set()
            while True:
                try:
                    self.within()
                except Exception:
                    self.outcome = "held up"
        except limits.Interrupted as reason:
            self.outcome = type(reason)
        finally:
            limits.disarm(self.running)


class Slow:
    """A lock that takes its time."""

    def __init__(self):
        self.lock, self.entered, self.go = threading.Lock(), threading.Event(), threading.Event()
        self.acquire, self.release = self.lock.acquire, self.lock.release

    def __enter__(self):
        self.lock.acquire()
        self.entered.set()
        while not self.go.is_set():
            pass

    def __exit__(self, *_):
        self.lock.release()


def enter(condition):
    with condition:
        pass


class TestInterrupt:
    @pytest.mark.parametrize("reason", [limits.Stopped, limits.SoftTimeLimit])
    def test_ends_python_code_in_the_middle(self, running, reason):
        spinner = Spinner(running)
        spinner.begun.wait()
        limits.interrupt(running, reason)
        spinner.join(10)
        assert spinner.outcome is reason

    def test_is_held_up_by_no_except_clause_for_exceptions(self, running):
        spinner = Spinner(running, within=lambda: int("no number"))
        spinner.begun.wait()
        limits.interrupt(running, limits.Stopped)
        spinner.join(10)
        assert spinner.outcome is limits.Stopped

    def test_the_first_reason_counts(self, running):
        limits.interrupt(running, limits.SoftTimeLimit)
        limits.interrupt(running, limits.Stopped)
        with pytest.raises(limits.SoftTimeLimit):
            limits.check()

    def test_of_what_has_not_begun_waits_until_it_does(self, running):
        limits.interrupt(running, limits.Stopped)
        assert sum(range(1000)) == 499_500
        with pytest.raises(limits.Stopped):
            limits.arm(running)

    def test_of_what_is_over_does_nothing(self, running):
        limits.arm(running)
        limits.disarm(running)
        limits.interrupt(running, limits.Stopped)
        assert sum(range(1000)) == 499_500
        assert running.thread is None

    def test_that_is_on_its_way_when_the_job_ends_never_arrives(self):
        """Raised by another thread while this one stands just before the end of its job."""
        for _ in range(2000):
            running = job.Running("tasks.spin", "id", "default")
            limits.arm(running)
            other = threading.Thread(target=limits.interrupt, args=(running, limits.Stopped))
            try:
                other.start()
                limits.disarm(running)
            except limits.Interrupted:
                limits.disarm(running)
            other.join()
            assert sum(range(10)) == 45

    def test_waits_while_the_thread_would_leave_a_lock_that_is_held(self, running):
        lock = Slow()
        spinner = Spinner(running, within=partial(enter, threading.Condition(lock)))
        lock.entered.wait()
        limits.interrupt(running, limits.Stopped)
        limits.deliver(running)
        assert not running.is_interrupted
        lock.go.set()
        until(lambda: limits.deliver(running) or not spinner.is_alive(), "its end")
        assert spinner.outcome is limits.Stopped

    def test_of_who_waits_for_a_module_keeps_it_from_nobody(self, running, monkeypatch, tmp_path):
        gate = threading.Event()
        monkeypatch.setitem(sys.modules, "gate", gate)
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "imported_slowly.py").write_text("import gate\ngate.begun = True\ngate.wait()\n")

        def bring():
            import imported_slowly

            return imported_slowly

        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(bring)
            until(lambda: hasattr(gate, "begun"), "the import")
            spinner = Spinner(running, within=bring)
            until(lambda: limits.is_fragile(spinner.ident), "the job to wait for it")
            other = threads.submit(bring)
            limits.interrupt(running, limits.Stopped)
            gate.set()
            assert first.result(10) is other.result(10)
        until(lambda: limits.deliver(running) or not spinner.is_alive(), "its end")
        assert spinner.outcome is limits.Stopped

    def test_does_not_hit_the_next_job_of_the_thread(self, running):
        limits.arm(running)
        limits.disarm(running)
        following = job.Running("tasks.spin", "next", "default")
        limits.arm(following)
        limits.interrupt(running, limits.Stopped)
        assert sum(range(1000)) == 499_500
        limits.disarm(following)
        assert following.reason is None


class TestCheck:
    def test_raises_what_the_job_is_to_be_interrupted_with(self, running):
        limits.check()
        limits.interrupt(running, limits.SoftTimeLimit)
        with pytest.raises(limits.SoftTimeLimit):
            limits.check()

    def test_outside_a_job_does_nothing(self):
        limits.check()


class TestClean:
    def test_goes_on_when_a_cleaner_fails(self, monkeypatch, caplog):
        cleaned = []
        monkeypatch.setattr(limits, "cleaners", [lambda: 1 / 0, lambda: cleaned.append(1)])
        limits.clean()
        assert cleaned == [1]
        assert "ZeroDivisionError" in caplog.text

    def test_closes_the_connections_to_the_database(self):
        from worker import outbox

        assert outbox.close_all in limits.cleaners


class TestWatch:
    def test_keeps_the_limits_of_others_when_one_cannot_be_kept(self, running, caplog):
        odd = job.Running("tasks.spin", "odd", "default")
        odd.soft, running.soft = "half a minute", 0.01
        watch = limits.Watch(SimpleNamespace(runs=lambda: [odd, running]), over=None)
        watch.start()
        until(lambda: running.reason is limits.SoftTimeLimit, "the interrupt")
        watch.stopped.set()
        watch.join(10)
        assert "the limits of job=odd were not kept" in caplog.text


class TestStress:
    def test_no_interrupt_escapes_its_job(self):
        """Hundreds of them, or thousands, at random moments, before, in and after jobs that are over at once."""
        app = celery.Celery("stress", task_cls=EngineTask, set_as_current=False)
        thread = Target(app.task(name="tiny", shared=False, max_retries=0)(spin), seconds=4)
        interval, shots = sys.getswitchinterval(), 0
        sys.setswitchinterval(1e-6)
        try:
            thread.start()
            while thread.is_alive():
                if thread.begun.wait(1):
                    thread.begun.clear()
                    shots += 1
                    limits.interrupt(thread.running, random.choice((limits.Stopped, limits.SoftTimeLimit)))
        finally:
            sys.setswitchinterval(interval)
        assert thread.escaped == []
        assert thread.ended
        assert shots >= thread.interrupted > 50
        assert thread.done > 50


def spin(number):
    for _ in range(number):
        pass


class Target(threading.Thread):
    """Runs jobs one after the other, each as Celery's tracer would, and notes what comes out of them.

    For so many seconds and, where the machine is busy, until enough of them have ended in each way.
    """

    def __init__(self, task, seconds):
        super().__init__(daemon=True)
        self.task, self.until = task, time.monotonic() + seconds
        self.running, self.begun = None, threading.Event()
        self.done, self.interrupted, self.escaped, self.ended = 0, 0, [], False

    def run(self):
        while not self.is_enough():
            running = job.Running("tiny", str(uuid4()), "default")
            running.soft = 60
            token = job.current.set(running)
            self.task.push_request(id=running.id, retries=0, called_directly=False, is_eager=False)
            try:
                self.attempt(running)
                spin(100)  # what comes after a job
            except limits.Interrupted as error:
                self.escaped.append("".join(traceback.format_exception(error)))
            finally:
                self.task.pop_request()
                job.current.reset(token)
        self.ended = True

    def is_enough(self):
        late = time.monotonic() - self.until
        return late > 60 or (late > 0 and min(self.done, self.interrupted) > 50)

    def attempt(self, running):
        try:
            self.running = running
            self.begun.set()
            spin(random.randint(0, 300))
            self.task(random.randint(0, 300))
            self.done += 1
        except (job.Hopeless, Ended):
            self.interrupted += 1


class TestWorker:
    def test_a_job_past_its_soft_limit_is_tried_again(self, staff):
        staff.start(1)
        id = staff.push("spin_shortly", "a")
        began = time.monotonic()
        staff.hear("a cleaned up")
        assert time.monotonic() - began >= 0.5
        until(lambda: staff.ids(keys.RETRY) == [id], "the retry")
        failure = staff.failure(id)
        assert failure["attempt"] == 1
        assert "soft time limit of 0.5 s" in failure["message"]
        staff.push("echo", "next")
        staff.hear("next")

    def test_a_job_past_its_hard_limit_is_dead_and_its_worker_ends_after_the_others(self, staff):
        """One that ends in time is done, one that does not is put back, and what waits stays in the queue."""
        worker = staff.start(3, tasks="tests.worker.tasks,tests.worker.haste")
        short, long = staff.push("take", "short", 3), staff.push("take", "long", 15)
        staff.hear("short starts")
        staff.hear("long starts")
        over = staff.push("overrun", "over", 30)
        staff.hear("over overruns")
        until(lambda: staff.ids(keys.DEAD) == [over], "the dead job")
        behind = staff.push("echo", "behind")
        assert worker.wait(20) not in (0, None)
        assert "HardTimeLimit" in staff.failure(over)["error"]
        assert "time limit" in staff.failure(over)["message"]
        assert {"short ended", "long ended", "over came through", "behind"} & set(staff.said()) == {"short ended"}
        assert sorted(waiting(staff)) == sorted([long, behind])
        assert staff.held() == staff.ids(keys.RETRY) == []
        assert short not in waiting(staff)
        assert staff.redis.zcard(keys.PROCESSES) == 0

    def test_a_limit_that_is_no_number_is_the_end_of_its_job_alone(self, staff):
        staff.start(1)
        for limit in ("half a minute", "0.5"):
            _, content = client.message("tests.worker.tasks.spin", [limit], id=limit)
            content = json.loads(content)
            content["headers"]["timelimit"] = [None, limit]
            staff.redis.lpush("default", json.dumps(content))
        until(lambda: staff.ids(keys.DEAD) == ["half a minute"], "the dead job")
        until(lambda: staff.ids(keys.RETRY) == ["0.5"], "the one whose limit holds")

    def test_no_limit_holds_for_a_job_that_has_failed_and_waits_for_redis(self, staff):
        worker = staff.start(1)
        id = staff.push("fail_later", "a", 1)
        staff.hear("a starts")
        staff.server.process.send_signal(signal.SIGSTOP)
        until(lambda: "retry in" in worker.log(), "the failure")
        time.sleep(2)  # longer than the limit leaves
        staff.server.process.send_signal(signal.SIGCONT)
        until(lambda: staff.ids(keys.RETRY) == [id], "the retry", 30)
        assert staff.ids(keys.DEAD) == []
        assert worker.poll() is None

    def test_the_others_finish_even_if_the_job_past_its_limit_ends_before_them(self, staff):
        worker = staff.start(2)
        staff.push("take", "other", 5)
        staff.hear("other starts")
        over = staff.push("overrun", "over", 2)
        assert worker.wait(30) not in (0, None)
        assert "other ended" in staff.said()
        assert staff.ids(keys.DEAD) == [over]
        assert waiting(staff) == []

    def test_random_interrupts_end_jobs_and_nothing_else(self, staff):
        """Each job has one end, and every thread goes on."""
        threads, batches, shots = 4, 0, 0
        worker = staff.start(threads, tasks="tests.worker.tasks,tests.worker.sniper")
        while shots <= 50 or staff.redis.zcard(keys.DEAD) <= 10:  # on a busy machine most jobs get through
            batches += 1
            assert batches < 30, f"{shots} shots at {500 * batches} jobs"
            client.push_bulk("tests.worker.sniper.tiny", [[number] for number in range(500)])
            until(lambda: not staff.redis.llen("default"), "every job to be taken", 60)
            shots = counted(staff, batches)
        for number in range(threads):
            staff.push("hold", str(number))
        for number in range(threads):
            staff.hear(f"{number} holds")
        for number in range(threads):
            staff.let(str(number))
        until(lambda: not staff.held(), "every job to be handed in")
        assert staff.ledger("done") + staff.redis.zcard(keys.DEAD) == 501 * batches + threads
        assert "could not be handled" not in worker.log()
        assert "Exception in thread" not in worker.log()


def counted(staff, times):
    """How many shots there were, which is asked for so many times by now."""

    def told():
        return [int(word.split()[1]) for word in staff.said() if word.startswith("shots")]

    client.push("tests.worker.sniper.count_shots")
    until(lambda: len(told()) == times, "the count", 20)
    return told()[-1]


def waiting(staff):
    return [message.id_of(each) for each in staff.redis.lrange("default", 0, -1)]
