"""Redis, workers and processes that enqueue, all real, with a journal of what they did."""

import os
import signal
import sys
from pathlib import Path

import redis

from tests.chaos.census import Census
from tests.chaos.database import Database
from tests.chaos.journal import Journal
from tests.chaos.process import Process
from tests.chaos.server import EMBEDDED, Server
from tests.servers import until
from worker import client


class Crew(Census):
    """kind, options: of Redis; database: `sqlite` or `postgres`."""

    def __init__(self, folder, kind=EMBEDDED, *options, database="sqlite"):
        folder.mkdir(exist_ok=True)
        self.folder, self.workers, self.processes, self.server = folder, [], [], None
        self.journal = Journal(folder / "journal")
        self.database = Database(database, folder)
        try:
            self.server = Server(kind, folder / "redis", "--appendfsync", "always", *options)
        except BaseException:
            self.stop()
            raise
        self.redis = redis.Redis(port=self.server.port)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "web.settings",
            "REDIS_URL": self.server.url,
            "DATABASE_URL": self.database.url,
            "TASK_BACKEND": "queue",
            "CHAOS_JOURNAL": str(self.journal.path),
        }

    def start(self, *arguments, **options):
        """A worker that is ready."""
        return self.start_several(1, *arguments, **options)[0]

    def start_several(self, count, *arguments, **options):
        workers = [self.launch(*arguments, **options) for _ in range(count)]
        for worker in workers:
            until(worker.ready, "a worker", 60)
        return workers

    def launch(self, concurrency=5, *options, tasks="tests.chaos.tasks", skew=0, group=None, **environment):
        """A worker that starts. skew: how wrong its clock is, in seconds. group: the process group that it joins."""
        celery = ["celery", "-q", "-A", "worker", "worker", "-I", tasks, "-c", concurrency, *options]
        command = [sys.executable, "-m", "tests.chaos.skew", skew, *celery] if skew else celery
        place = {"start_new_session": True} if group is None else {"process_group": group}
        worker = self.run(command, environment, **place)
        self.workers.append(worker)
        return worker

    def produce(self, *options, skew=0, group=None, **environment):
        """Start tests/chaos/producer.py."""
        modules = ["tests.chaos.skew", skew, "tests.chaos.producer"] if skew else ["tests.chaos.producer"]
        return self.run([sys.executable, "-m", *modules, *options], environment, process_group=group)

    def script(self, text, **environment):
        """Run Python that enqueues, as a web process would, to its end."""
        process = self.python(text, **environment)
        assert process.wait(60) == 0, process.log()

    def python(self, text, **environment):
        program = f"import django\ndjango.setup()\nfrom tests.chaos.tasks import *\n{text}"
        return self.run([sys.executable, "-c", program], environment)

    def run(self, command, environment, **options):
        log = self.folder / f"process{len(self.processes)}.log"
        process = Process(log, list(map(str, command)), self.environment | environment, **options)
        self.processes.append(process)
        return process

    def push(self, task, *args):
        """Enqueue as a foreign producer does, with LPUSH."""
        _, message = client.message(f"tests.chaos.tasks.{task}", args)
        self.redis.lpush("default", message)
        self.journal.note("accepted", args[0])

    def push_many(self, task, numbers, *args):
        for number in numbers:
            self.push(task, number, *args)

    def check(self):
        """True; AssertionError when a worker has ended that nobody killed."""
        for worker in self.workers:
            assert worker.poll() in (None, -signal.SIGKILL), f"a worker ended by itself:\n{worker.log()[-5000:]}"
        return True

    def log(self):
        return "".join(process.log() for process in self.processes)

    def end(self, worker, number=signal.SIGTERM):
        worker.end(number)
        self.workers.remove(worker)

    def kill_all(self):
        for worker in list(self.workers):
            self.end(worker, signal.SIGKILL)

    def stop(self):
        """End every process, whatever its state."""
        for process in self.processes:
            if process.poll() is None:
                process.end(signal.SIGKILL)
        if self.server and self.server.process.poll() is None:
            self.server.stop(signal.SIGKILL)
        self.database.stop()
