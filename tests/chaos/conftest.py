import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.servers import ROOT, Redis, until


class Crew:
    """A Redis and workers on it, all real processes; their log is `worker.log`."""

    def __init__(self, folder):
        self.folder = folder
        self.server = Redis(folder / "redis", "--appendfsync", "always")
        self.redis = redis.Redis(port=self.server.port)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "REDIS_URL": self.server.url,
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "TASK_BACKEND": "queue",
            "DEBUG": "1",
        }
        self.workers = []

    def start(self, concurrency=5):
        command = ["celery", "-q", "-A", "worker", "worker", "-I", "tests.chaos.tasks", "-c", str(concurrency)]
        ready = self.log().count("worker ready")
        with (self.folder / "worker.log").open("a") as log:
            worker = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.workers.append(worker)
        until(lambda: self.log().count("worker ready") > ready, "a worker", 60)
        return worker

    def end(self, worker, number=signal.SIGTERM):
        worker.send_signal(number)
        worker.wait(60)
        self.workers.remove(worker)

    def log(self):
        path = self.folder / "worker.log"
        return path.read_text() if path.exists() else ""

    def push(self, task, *args, **options):
        """Enqueue by a client of our own Redis, as another process would."""
        from worker import client

        id, message = client.message(f"tests.chaos.tasks.{task}", args)
        self.redis.lpush(options.get("queue", "default"), message)
        return id

    def inflight(self):
        return sum(self.redis.hlen(key) for key in self.redis.scan_iter("inflight:*"))

    def ran(self):
        return [int(number) for number in self.redis.lrange("test:ran", 0, -1)]

    def stop(self):
        for worker in list(self.workers):
            self.end(worker, signal.SIGKILL)
        self.server.stop()


@pytest.fixture
def crew(tmp_path):
    crew = Crew(tmp_path / "crew")
    yield crew
    crew.stop()
