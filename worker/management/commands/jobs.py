"""`manage.py jobs`: the dashboard of a terminal, and of scripts by --json."""

import json
import sys

import redis
from django.core.management.base import BaseCommand, CommandError
from kombu.exceptions import OperationalError

from worker import api, config, env
from worker.celery import app
from worker.management import orders, shows

SHOWS = {
    "stats": "how many jobs are where, and what became of the others",
    "queues": "what waits, for how long, and who listens",
    "processes": "the workers",
    "scheduled": "jobs for later",
    "retries": "jobs that failed and are tried again",
    "dead": "jobs that failed for good",
    "periodic": "recurring jobs",
    "check": "what is wrong, and what mends it; the exit status is 1 if anything is",
}


class Command(BaseCommand):
    help = "Look at jobs, and operate on them."

    def add_arguments(self, parser):
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        for name, text in SHOWS.items():
            show = actions.add_parser(name, help=text)
            show.add_argument("--json", action="store_true", help="for a script")
            if name in shows.SETS:
                show.add_argument("--page", type=int, default=1, help="25 jobs each")
        retry = actions.add_parser("retry", help="run a job now").add_mutually_exclusive_group(required=True)
        retry.add_argument("id", nargs="?", metavar="ID")
        retry.add_argument("--all", nargs="?", const="retries", choices=shows.SETS, help="all of a set (retries)")
        actions.add_parser("kill", help="move a job to dead").add_argument("id", metavar="ID")
        actions.add_parser("delete", help="delete a job for good").add_argument("id", metavar="ID")
        for name, text in (("quiet", "let workers take no more jobs"), ("stop", "end workers")):
            which = actions.add_parser(name, help=text).add_mutually_exclusive_group(required=True)
            which.add_argument("process", nargs="?", metavar="PROCESS")
            which.add_argument("--all", action="store_true")
        actions.add_parser("stop-job", help="end a job that runs; it is dead").add_argument("id", metavar="ID")
        actions.add_parser("pause", help="let nobody take jobs from a queue").add_argument("queue", metavar="QUEUE")
        actions.add_parser("resume", help="let them again").add_argument("queue", metavar="QUEUE")
        enqueue = actions.add_parser("enqueue", help="make a job of a task")
        enqueue.add_argument("task", metavar="DOTTED.PATH")
        enqueue.add_argument("arguments", nargs="?", default="{}", metavar="JSON", help="an object, or a list")

    def handle(self, *, action, **options):
        app.loader.import_default_modules()
        try:
            if action in SHOWS:
                self.show(action, **options)
            else:
                self.stdout.write(getattr(orders, action.replace("-", "_"))(**options))
        except api.NotFound as error:
            raise CommandError(f"There is {error}.") from None
        except (redis.RedisError, OperationalError) as error:
            raise CommandError(f"Redis at {env.masked(config.REDIS_URL)} did not do it: {error}") from None

    def show(self, action, json, **options):
        data, text = getattr(shows, action)(action=action, **options)
        self.stdout.write(as_json(data) if json else text)
        if action == "check" and any(finding["problem"] for finding in data):
            sys.exit(1)


def as_json(data):
    return json.dumps(data, indent=2, ensure_ascii=False)
