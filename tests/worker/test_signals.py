"""What a worker tells of itself, and what it is told to do; it looks with each sign of life."""

import json
import os
import signal
import socket
import time

from tests.servers import until
from worker import keys

BEAT = 5  # seconds


def tell(staff, order):
    (process,) = staff.redis.zrange(keys.PROCESSES, 0, -1)
    staff.redis.rpush(keys.signals(process.decode()), order)


def work(staff):
    (process,) = staff.redis.zrange(keys.PROCESSES, 0, -1)
    return [json.loads(told) for told in staff.redis.hgetall(keys.work(process.decode())).values()]


class TestWhatAWorkerTells:
    def test_is_who_it_is_and_what_it_runs(self, staff):
        worker = staff.start(
            3, "-Q", "mailers,default", tasks="tests.worker.tasks,tests.worker.haste", HEROKU_RELEASE_VERSION="v12"
        )
        told = staff.process()
        assert told["pid"] == str(worker.pid)
        assert told["host"] == (os.environ.get("DYNO") or socket.gethostname())
        assert sorted(told["queues"].split(",")) == ["default", "mailers"]
        assert (told["concurrency"], told["busy"], told["quiet"], told["release"]) == ("3", "0", "0", "v12")
        assert abs(float(told["started"]) - time.time()) < 60
        assert 10e6 < int(told["rss"]) < 1e9

        ids = {staff.push("hold", word, queue="mailers") for word in ("a", "b")}
        until(lambda: staff.process()["busy"] == "2", "two busy threads")
        until(lambda: {each["id"] for each in work(staff)} == ids, "its work")
        for each in work(staff):
            assert (each["task"], each["queue"]) == ("tests.worker.tasks.hold", "mailers")
            assert abs(each["started"] - time.time()) < 60
            assert each["thread"].startswith("job-")
        staff.let("a")
        staff.let("b")
        until(lambda: staff.process()["busy"] == "0" and work(staff) == [], "no work")

    def test_is_forgotten_when_it_ends(self, staff):
        worker = staff.start(1)
        (process,) = (name.decode() for name in staff.redis.zrange(keys.PROCESSES, 0, -1))
        assert 50 < staff.redis.ttl(keys.process(process)) <= 60  # what a killed one told outlives it a little
        staff.end(worker)
        assert worker.returncode == 0
        assert [key for key in staff.redis.scan_iter() if process.encode() in key] == []
        assert staff.redis.zcard(keys.PROCESSES) == 0


class TestOrders:
    def test_to_stop_a_job_ends_it_within_one_beat(self, staff):
        worker = staff.start(2)
        id, calm = staff.push("spin", "a"), staff.push("hold", "b")
        staff.hear("a spins")
        staff.hear("b holds")
        tell(staff, "stop-job no-such-job")
        tell(staff, "dance")
        tell(staff, f"stop-job {id}")
        staff.hear("a cleaned up", 2 * BEAT)
        until(lambda: staff.ids(keys.DEAD) == [id], "the dead job")
        assert staff.failure(id)["message"] == "stopped by hand"
        assert staff.held() == [calm]
        assert "nothing is known of 'dance': use quiet, stop or stop-job ID" in worker.log()

    def test_to_be_quiet_lets_what_runs_end_and_takes_no_more(self, staff):
        worker = staff.start(2, tasks="tests.worker.tasks,tests.worker.haste")
        staff.redis.rpush(keys.signals("somebody:1:abc"), "stop")  # this one is for another process
        staff.push("hold", "a")
        staff.hear("a holds")
        tell(staff, "quiet")
        until(lambda: staff.process()["quiet"] == "1", "it to tell so")
        staff.push("echo", "later")
        staff.let("a")
        staff.hear("a ended")
        until(lambda: staff.process()["busy"] == "0", "it to have nothing to do")
        assert staff.redis.llen("default") == 1
        assert worker.poll() is None

    def test_to_stop_lets_what_runs_end_and_ends_the_worker(self, staff):
        worker = staff.start(2, tasks="tests.worker.tasks,tests.worker.haste")
        staff.push("hold", "a")
        staff.hear("a holds")
        tell(staff, "stop")
        until(lambda: "told to stop" in worker.log(), "the order to be taken")
        staff.push("echo", "later")
        staff.let("a")
        assert worker.wait(20) == 0
        assert staff.said() == ["a holds", "a ended"]
        assert staff.redis.llen("default") == 1
        assert staff.held() == []


def test_sigquit_leaves_nothing_in_the_hands_of_who_is_gone(staff):
    """Celery stops the pool within the handler then, which may be in the middle of a fetch."""
    for _ in range(3):
        worker = staff.start(5)
        for number in range(400):
            staff.push("take", f"{number}", 0.001)
        until(lambda: "0 starts" in staff.said(), "the load")
        staff.end(worker, signal.SIGQUIT)
        assert staff.held() == []
        assert staff.redis.zcard(keys.PROCESSES) == 0
