"""taskiq as it comes: on a list, which loses what a worker had that dies, and on a stream, where it does not."""

import asyncio
import os

from taskiq_redis import ListQueueBroker, RedisStreamBroker

if os.environ.get("TASKIQ") == "stream":
    broker = RedisStreamBroker(os.environ["REDIS_URL"], consumer_id="0")
else:
    broker = ListQueueBroker(os.environ["REDIS_URL"])


@broker.task(task_name="noop")
async def noop(number: int) -> None: ...


def actions():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(broker.startup())

    async def enqueue(count):
        for number in range(count):
            await noop.kiq(number)

    return {"single": lambda count: loop.run_until_complete(enqueue(count))}
