"""A Celery app of somebody else, as a process of its own that has nothing of ours on its path.

It sends with `python foreign.py '[[task, args, kwargs, options], …]' '{setting: value, …}'`, which prints the ids; and
its worker, `celery -A foreign worker`, knows our tasks by their names.
"""

import json
import os
import sys

from celery import Celery
from kombu.utils.json import loads
from redis import Redis

app = Celery("foreign", broker=os.environ["REDIS_URL"])
app.conf.update(task_default_queue="default", worker_prefetch_multiplier=1)


def keep(self, *args, **kwargs):
    told = {"id": self.request.id, "args": args, "kwargs": kwargs}
    Redis.from_url(os.environ["REDIS_URL"]).rpush("test:said", json.dumps(told, default=repr))


for name in ("keep", "keep_django"):
    app.task(keep, bind=True, shared=False, name=f"tests.worker.tasks.{name}")


if __name__ == "__main__":
    app.conf.update(json.loads(sys.argv[2]))
    for name, args, kwargs, options in loads(sys.argv[1]):
        if link := options.pop("link_to", None):
            options["link"] = app.signature(link)
        print(app.send_task(name, args, kwargs, **options).id)
