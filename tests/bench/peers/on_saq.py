"""SAQ as it comes."""

import asyncio
import os
import time

from saq import Queue

queue = Queue.from_url(os.environ["REDIS_URL"])


async def noop(context, *, number): ...


settings = {"queue": queue, "functions": [noop], "concurrency": 25}


def actions():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(queue.connect())

    async def enqueue(count, **options):
        for number in range(count):
            await queue.enqueue("noop", number=number, **options)

    return {
        "single": lambda count: loop.run_until_complete(enqueue(count)),
        "scheduled": lambda count: loop.run_until_complete(enqueue(count, scheduled=time.time() + 3600)),
    }
